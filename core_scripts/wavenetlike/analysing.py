"""One word for looking at data and at models."""
from dataclasses import replace

from core_scripts import log
from core_scripts.analysis.data_baselines import measure_data_baselines
from core_scripts.analysis.data_files import audio_of_folder
from core_scripts.analysis.data_sheet import DataSheet
from core_scripts.analysis.data_text import sheet_as_text
from core_scripts.analysis.model_sheet import ModelCost, ModelSheet, read_sheet
from core_scripts.analysis.sampling import Effort
from core_scripts.analysis.step_cost import Bench, count_multiply_adds
from core_scripts.corpus.prepare_lists import make_lists
from core_scripts.errors import UsageError
from core_scripts.tasks.analyze_data import measure_sheet
from core_scripts.wavenetlike.autoregressive import Block
from core_scripts.wavenetlike.building import Wavenet
from core_scripts.wavenetlike.datasets import Dataset

_LEVELS = 256


def analyze(subject: Dataset | Wavenet | Block, levels: int = _LEVELS, seconds: float = 60.0) -> DataSheet | ModelSheet:
    """Print what there is to know of data or of a model, and return it.

    levels: of the quantiser that the baselines of the data are told for; seconds: that the analysis may take.
    Raises: DataError, UsageError.
    """
    if isinstance(subject, Dataset):
        sheet = _analyze_data(subject, levels, Effort(seconds, 0, True))
        log.say(sheet_as_text(sheet))
        return sheet
    if isinstance(subject, Block):
        sheet = read_sheet(subject, {"receptive_field_samples": subject.receptive_field})
    elif isinstance(subject, Wavenet):
        stage = subject.stage
        bench = Bench(subject.module, stage.conf, stage.recipe.Loss(stage.args), stage.device)
        sheet = read_sheet(subject.module, subject.module.describe_geometry(stage.conf), None,
                           ModelCost(count_multiply_adds(bench)))
    else:
        raise UsageError(f"analyze({type(subject).__name__}): give a Dataset, a Block, or a model of "
                         "build_wavenetlike()")
    log.say(str(sheet))
    return sheet


def _analyze_data(dataset: Dataset, levels: int, effort: Effort) -> DataSheet:
    audio = audio_of_folder(dataset.folder)
    if len(dataset) < len(audio.recordings):
        own = {name: audio.recordings[name] for name in dataset.names}
        audio = replace(audio, recordings=own, lists=make_lists({}, sorted(own), {}), split_by="hash")
    return replace(measure_sheet(audio, effort), baselines=measure_data_baselines(audio, levels, effort))
