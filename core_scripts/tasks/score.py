"""The verb evaluate: what the trained model is worth, in numbers."""
import importlib
import json
from dataclasses import asdict

from core_scripts import log
from core_scripts.checkpoint.choosing import checkpoint_to_generate_with
from core_scripts.checkpoint.fitting import load_weights
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.evaluation.bits import measure_bits
from core_scripts.flow import build_model, require_data_set, set_stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.run_folder import RESULT_NAME, RunFolder


def score(resolved: Resolved, folder: RunFolder) -> None:
    """Print bits per sample of the trained model on the test list, beside baselines, and keep them in result.json."""
    stage = set_stage(resolved, folder)
    train_set, test_set = require_data_set(stage, "trn"), require_data_set(stage, "test")
    checkpoint = checkpoint_to_generate_with(stage.args)
    model = build_model(stage, test_set, None, checkpoint).to(stage.device)
    load_weights(model, weights_of(checkpoint), "the trained model")
    table = isinstance(model, ModelBase) and model.score(train_set, test_set, stage.device)
    table = table or measure_bits(model, train_set, test_set, stage.device)
    log.say(json.dumps(asdict(table)) if stage.args.json else str(table))
    try:
        write_atomically(folder.path / RESULT_NAME, (json.dumps(asdict(table), indent=1) + "\n").encode("utf-8"))
    except DataError as fault:
        log.warn(f"the result is only printed: {fault}")


def score_if_wanted(resolved: Resolved, folder: RunFolder) -> None:
    """Score where the recipe's model asks for it at the end of training, and something was kept."""
    model_class = importlib.import_module(resolved.args.module_model).Model
    wanted = issubclass(model_class, ModelBase) and model_class.scores_after_training
    if wanted and not resolved.args.not_save_anything:
        score(resolved, folder)
