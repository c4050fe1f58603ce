"""The verb analyze: what a model is before it is trained, what data is, and which model suits it."""
from core_scripts import log
from core_scripts.analysis.model_sheet import read_sheet
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.errors import UsageError
from core_scripts.flow import make_synthetic_corpus, set_stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.run_folder import RunFolder
from core_scripts.tasks.analyze_data import analyze_data


def analyze(resolved: Resolved, folder: RunFolder) -> None:
    """Analyse what the command line names. Raises: UsageError for words that mean nothing there."""
    if resolved.args.subject == "model" and resolved.args.words:
        raise UsageError(f"analyze model looks at the model of this folder and takes no other words: "
                         f"{' '.join(resolved.args.words)}; analyze data DIR looks at recordings")
    subjects = {"model": analyze_model, "data": analyze_data}
    subjects[resolved.args.subject](resolved, folder)


def analyze_model(resolved: Resolved, folder: RunFolder) -> None:
    """Print the sheet of a model with fresh weights; of the data, the list of speakers is all that it needs."""
    stage = set_stage(resolved, folder)
    make_synthetic_corpus(stage, ("trn",))
    dims = [sum(vars(stage.conf)[f"{side}_dims"]) for side in ("input", "output")]
    model = stage.recipe.Model(*dims, stage.args, stage.conf, None)
    geometry = model.describe_geometry(stage.conf) if isinstance(model, ModelBase) else {}
    sheet = read_sheet(model, geometry)
    log.say(sheet.to_json() if stage.args.json else str(sheet))
