"""The verb config: the settings as they would be used."""
import json

from core_scripts import log
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.run_folder import RunFolder


def show(resolved: Resolved, folder: RunFolder) -> None:
    """Print all settings, as YAML or with --json; the folder is not touched."""
    log.say(json.dumps(resolved.as_plain(), indent=1) if resolved.args.json else resolved.as_yaml())
