"""What a recipe is, in its own words."""
import ast
from pathlib import Path


def recipe_title(project_dir: Path) -> str:
    """The first line of config.py's docstring, read without running it; the folder's name if there is none."""
    try:
        text = ast.get_docstring(ast.parse((project_dir / "config.py").read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        text = None
    return text.splitlines()[0] if text else project_dir.name
