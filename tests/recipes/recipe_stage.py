"""A recipe set up by the core's own functions up to the point where training would begin."""
from pathlib import Path

from desk import forget_recipe

from core_scripts import flow
from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import resolve
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.nn_manager.model_base import adapt_model
from core_scripts.nn_manager.nn_manager import start_run
from core_scripts.nn_manager.training_run import Player, TrainingRun
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.run_folder import RunFolder, place_run

TEST_SAMPLES = {"ada_0104": 3200, "ben_0101": 2000, "cleo_0102": 2777}  # a whole number of frames, and not


def set_recipe(folder: Path, *words: str) -> flow.Stage:
    """The stage of `python main.py WORDS --no-cuda`, run folder made and not locked."""
    resolved = place_run(resolve(parse_command([*words, "--no-cuda"]), folder), folder)
    run_folder = RunFolder(Path(resolved.args.save_model_dir))
    with run_folder, forget_recipe():
        return flow.set_stage(resolved, run_folder)


def begin_run(stage: flow.Stage) -> tuple[TrainingRun, NII_MergeDataSetLoader]:
    """A run at its beginning, with its training data."""
    data = flow.load_data_set(stage, "trn")
    model = flow.build_model(stage, data, data.get_data_mean_std())
    player = Player(adapt_model(model), OptimizerWrapper(model, stage.args))
    run = start_run(stage.args, (player,), stage.device, data)
    run.compute_loss = stage.recipe.Loss(stage.args).compute
    return run, data
