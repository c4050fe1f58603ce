"""Training of a model on a data set, by the core's own trainer."""
import tempfile
from argparse import Namespace
from pathlib import Path

from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions, StreamSpec
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.errors import UsageError
from core_scripts.nn_manager.nn_manager import f_train_wrapper
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.run_folder import METRICS_NAME
from core_scripts.wavenetlike.building import Wavenet
from core_scripts.wavenetlike.datasets import Dataset

MINUTES = 1.0  # of training where nothing is said


def train(model: Wavenet, dataset: Dataset, minutes: float = 0.0, folder: str | Path | None = None) -> Wavenet:
    """Train for so many minutes (0: `MINUTES`), the learning rate annealed to end on time; returns the model.

    folder: where states and the trained model are kept; none: nothing is written.
    Raises: UsageError if what is given is no model or no data set; DataError; NonFiniteLossError.
    """
    if not isinstance(model, Wavenet) or not isinstance(dataset, Dataset):
        raise UsageError(f"train({type(model).__name__}, {type(dataset).__name__}): give a model of "
                         "build_wavenetlike() and a Dataset; a Block is trained with train_stack_ar()")
    stage = model.stage
    args = Namespace(**vars(stage.args))
    args.minutes = minutes or MINUTES
    args.lr_decay_factor, args.lr_scheduler_type = -1.0, 0  # the clock sets the rate
    args.not_save_anything = folder is None
    with tempfile.TemporaryDirectory(prefix="wavenetlike-") as cache:
        place = Path(folder) if folder is not None else Path(cache)
        args.save_model_dir, args.metrics_file = str(place), place / METRICS_NAME
        data = _load(model, dataset, Path(cache))
        f_train_wrapper(args, model.module, stage.recipe.Loss(args), stage.device, OptimizerWrapper(model.module, args),
                        data, None, None)
    return model


def _load(model: Wavenet, dataset: Dataset, cache: Path) -> NII_MergeDataSetLoader:
    conf = model.stage.conf
    context = type(model.module).crop_context(conf)
    streams = [StreamSpec(directory=dataset.folder, ext=dataset.ext, dim=1, normalise=False, context=own)
               for own in (context.inputs[0], context.outputs[0])]
    corpus = CorpusSpec(name="dataset", list_source=dataset.names, inputs=(streams[0],), outputs=(streams[1],))
    options = DataOptions(rate_hz=dataset.rate_hz, truncate=conf.truncate_seq, random_offset=conf.random_offset,
                          cache_dir=cache, save_mean_std=False)
    loader = LoaderOptions(batch_size=model.stage.args.batch_size, shuffle=True, seed=model.stage.args.seed)
    return NII_MergeDataSetLoader.from_specs((corpus,), options, loader)
