"""The verb analyze: what a model is before it is trained, what data is like, and which model suits it."""
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.errors import UsageError
from core_scripts.run_folder import RunFolder
from core_scripts.tasks.analyze_data import analyze_data
from core_scripts.tasks.analyze_model import analyze_model
from core_scripts.tasks.analyze_suggest import suggest_model


def analyze(resolved: Resolved, folder: RunFolder) -> None:
    """Analyse what the command line names. Raises: UsageError for words that mean nothing there."""
    if resolved.args.subject == "model" and resolved.args.words:
        raise UsageError(f"analyze model looks at the model of this folder and takes no other words: "
                         f"{' '.join(resolved.args.words)}; analyze data DIR looks at recordings")
    subjects = {"model": analyze_model, "data": analyze_data, "suggest": suggest_model}
    subjects[resolved.args.subject](resolved, folder)
