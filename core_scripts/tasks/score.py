"""The verb evaluate: what the trained model is worth, in numbers."""
import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.checkpoint.choosing import checkpoint_to_generate_with, weights_file
from core_scripts.checkpoint.fitting import load_weights
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.evaluation.bits import measure_bits
from core_scripts.evaluation.sound_files import find_references, find_sounds, rate_of
from core_scripts.evaluation.sound_measures import measures_for, with_words
from core_scripts.evaluation.sound_rows import measure_baseline_sounds, measure_outputs
from core_scripts.evaluation.sound_table import SoundTable
from core_scripts.flow import Stage, build_model, require_data_set, set_stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.report.run_record import describe_staleness
from core_scripts.run_folder import RESULT_NAME, RunFolder

_CACHE = Path("cache") / "sound_baselines.json"


def score(resolved: Resolved, folder: RunFolder) -> None:
    """Print how well the trained model predicts the test list and how its outputs sound, both beside baselines.

    The first goes to result.json, the second to evaluation.csv and evaluation.json; --json prints both in one line.
    """
    stage = set_stage(resolved, folder)
    train_set, test_set = require_data_set(stage, "trn"), require_data_set(stage, "test")
    table = score_predictions(stage, train_set, test_set)
    sound = score_sound(stage, train_set, test_set)
    if stage.args.json:
        log.say(json.dumps(asdict(table) | (sound.as_plain() if sound else {})))
    else:
        log.say("\n\n".join(str(part) for part in (table, sound) if part))
    try:
        write_atomically(folder.path / RESULT_NAME, (json.dumps(asdict(table), indent=1) + "\n").encode("utf-8"))
        if sound:
            sound.write(folder.path)
    except DataError as fault:
        log.warn(f"the result is only printed: {fault}")


def score_predictions(stage: Stage, train_set: NII_MergeDataSetLoader, test_set: NII_MergeDataSetLoader) -> Any:
    """The record of what the model predicts: bits per sample, or what its recipe scores instead."""
    checkpoint = checkpoint_to_generate_with(stage.args)
    model = build_model(stage, test_set, None, checkpoint).to(stage.device)
    load_weights(model, weights_of(checkpoint), "the trained model")
    table = isinstance(model, ModelBase) and model.score(train_set, test_set, stage.device)
    return table or measure_bits(model, train_set, test_set, stage.device)


def score_sound(
    stage: Stage, train_set: NII_MergeDataSetLoader, test_set: NII_MergeDataSetLoader
) -> SoundTable | None:
    """Of the files that were generated last; None where there are none, which is said if the recipe makes sound."""
    sounds, output = find_sounds(test_set, stage.args), Path(stage.args.output_dir)
    there = [sound for sound in sounds if sound.output.is_file()]
    if not there:
        if sounds:
            log.note(f"nothing was generated in {output} yet, so nothing is said of sound: python main.py infer")
        return None
    rate_hz = stage.conf.wav_samp_rate or rate_of(there)
    measures = measures_for(read_corpora(stage.conf, "test"), rate_hz)
    if stage.args.evaluate_words:
        recordings = find_references(read_corpora(stage.conf, "trn"), train_set.get_seq_name_list())
        measures = with_words(measures, stage.args.evaluate_words, sounds, recordings, rate_hz)
    rows, faults = measure_outputs(there, measures)
    remarks = [describe_staleness(output, weights_file(stage.args)), *faults]
    if len(there) < len(sounds):
        remarks.append(f"{len(sounds) - len(there)} of {len(sounds)} utterances of the test list have no file in "
                       f"{output}; generate them: python main.py infer")
    if stage.args.target_speaker:
        remarks.append(f"they speak as {stage.args.target_speaker}, the recordings they are compared with do not")
    rows += measure_baseline_sounds(there, measures, stage.folder.path / _CACHE)
    return SoundTable(str(output), len(sounds), tuple(rows), tuple(measures.metrics), tuple(filter(None, remarks)))


def score_if_wanted(resolved: Resolved, folder: RunFolder) -> None:
    """Score where the recipe's model asks for it at the end of training, and something was kept."""
    model_class = importlib.import_module(resolved.args.module_model).Model
    wanted = issubclass(model_class, ModelBase) and model_class.scores_after_training
    if wanted and not resolved.args.not_save_anything:
        score(resolved, folder)
