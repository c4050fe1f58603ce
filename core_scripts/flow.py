"""The two columns of the flow chart, training and inference, one line per box."""
import importlib
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from core_scripts.checkpoint.choosing import checkpoint_to_generate_with, checkpoint_to_train_from, weights_file
from core_scripts.checkpoint.model_record import record_of
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.config_parse.project_data import (
    read_corpora,
    read_options,
    speakers_file,
)
from core_scripts.corpus.synthetic import ensure_corpus_of
from core_scripts.corpus.unit_files import corpora_of_codes
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.data_io.file_io import write_atomically
from core_scripts.data_io.speakers import names_of, read_speakers
from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.evaluation.condition_watch import ConditionWatch
from core_scripts.evaluation.prediction import PredictionWatch
from core_scripts.evaluation.sound_check import check_sound
from core_scripts.evaluation.unit_model import UnitModel
from core_scripts.evaluation.unit_watch import UnitWatch
from core_scripts.features.passport import PASSPORT_NAME, passport_of, passports_in
from core_scripts.files import remove_leftovers
from core_scripts.generation.finished import FinishedFiles
from core_scripts.nn_manager.model_base import CropContext, ModelBase
from core_scripts.nn_manager.nn_manager import f_inference_wrapper, f_train_wrapper
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.report.clip_proposal import ClipProposal
from core_scripts.report.curve import draw_curve
from core_scripts.report.run_record import RunRecord, claim_output, write_run_record
from core_scripts.report.status import STATUS_NAME, StatusFile
from core_scripts.report.tensorboard_log import TensorBoardLog
from core_scripts.run_folder import CURVE_NAME, METRICS_NAME, RunFolder
from core_scripts.startup_config import choose_device, set_random_seed


@dataclass(frozen=True)
class Stage:
    """What both columns have in common: the settings, the device, and the recipe's model module."""

    conf: Any
    args: Any
    device: torch.device
    recipe: ModuleType
    folder: RunFolder


def train(resolved: Resolved, folder: RunFolder) -> None:
    """Train the recipe in its run folder, from the newest state found there, and draw its curve."""
    train_once(resolved, folder)
    draw_curve(folder.path / METRICS_NAME, folder.path / CURVE_NAME)


def train_once(resolved: Resolved, folder: RunFolder) -> None:
    """The column of training."""
    stage = set_stage(resolved, folder)
    train_set, val_set = load_to_train(stage)
    start = checkpoint_to_train_from(stage.args)
    stage = replace(stage, args=start.loading_args(stage.args))
    model = build_model(stage, train_set, train_set.get_data_mean_std(), start.content, val_set)
    loss = stage.recipe.Loss(stage.args)
    optimizer = OptimizerWrapper(model, stage.args)
    if not stage.args.not_save_anything:
        stage.args.observers = make_observers(stage)
    f_train_wrapper(stage.args, model, loss, stage.device, optimizer, train_set, val_set, start.content)


def make_observers(stage: Stage) -> tuple[RunObserver, ...]:
    """What watches the training run of this stage."""
    model_class, folder = stage.recipe.Model, stage.folder.path
    record = RunRecord(folder, stage.args, passports_in(stage.conf))
    observers: list[RunObserver] = [record, StatusFile(folder / STATUS_NAME), ClipProposal()]
    if issubclass(model_class, ModelBase) and model_class.audits_condition:
        observers.append(ConditionWatch())
    if issubclass(model_class, UnitModel):
        observers.append(UnitWatch(vars(stage.conf)))
    if issubclass(model_class, ModelBase):
        observers.append(PredictionWatch())
    if stage.args.tensorboard:
        observers.append(TensorBoardLog(folder / "tensorboard", vars(stage.conf).get("wav_samp_rate")))
    return tuple(observers)


def infer(resolved: Resolved, folder: RunFolder) -> None:
    """Generate the test list into the run's output folder."""
    stage = set_stage(resolved, folder)
    if stage.args.write_codes or stage.args.from_codes:
        require_units(stage)
    test_set = require_data_set(stage, "test")
    checkpoint = checkpoint_to_generate_with(stage.args)
    model = build_model(stage, test_set, None, checkpoint)
    output = Path(stage.args.output_dir)
    remove_leftovers(output, deep=True)
    claim = claim_output(output, stage.args, weights_file(stage.args), tables_of(stage.conf))
    write_run_record(output, stage.args, test_set.fingerprint(), passports_in(stage.conf), **claim)
    for stream in read_corpora(stage.conf, "test")[0].outputs:
        if stream.front_end is not None:  # frames are written, which another recipe may read
            write_atomically(output / PASSPORT_NAME, passport_of(stream.front_end).to_json().encode("ascii"))
    stage.args.finished = FinishedFiles(output, f"{claim['made_by']} codes {bool(stage.args.write_codes)}")
    f_inference_wrapper(stage.args, model, stage.device, test_set, checkpoint)
    check_sound(test_set, stage.conf, stage.args)


def tables_of(conf: Any) -> list[Path]:
    """Files beside recordings and weights that change what is generated."""
    variable = vars(conf).get("variable")  # of recipe 05: a class or a number per utterance
    named = Path(conf.path.parent, variable.format_map(vars(conf))) if variable else None
    return [table for table in dict.fromkeys([speakers_file(conf), named]) if table is not None and table.is_file()]


def convert(resolved: Resolved, folder: RunFolder) -> None:
    """Of recipes with units, the first utterance of the test list once more, in the voice of somebody else."""
    stage = set_stage(resolved, folder)
    of_utterance = speakers_file(stage.conf)
    if not issubclass(stage.recipe.Model, UnitModel) or of_utterance is None:
        return
    name, spoken = require_data_set(stage, "test").get_seq_name_list()[0], read_speakers(of_utterance)
    others = [who for who in names_of(spoken, spoken) if who != spoken.get(name)]
    if not others:
        return
    chosen = folder.path / "converted.lst"
    write_atomically(chosen, f"{name}\n".encode())
    args = Namespace(**vars(stage.args))
    args.target_speaker, args.inference_data_list = others[-1], str(chosen)
    args.output_dir = str(folder.path / f"converted_to_{others[-1]}")
    infer(replace(resolved, args=args), folder)


def set_stage(resolved: Resolved, folder: RunFolder) -> Stage:
    """Seed, device, and the recipe's model.py."""
    args = resolved.args
    set_random_seed(args.seed, args)
    device = choose_device(args)
    return Stage(resolved.config, args, device, importlib.import_module(args.module_model), folder)


def require_data_set(stage: Stage, split: str) -> NII_MergeDataSetLoader:
    """As load_data_set. Raises: ConfigError if the config has no list for the split."""
    data = load_data_set(stage, split)
    if data is None:
        raise ConfigError(f"{stage.conf.path} gives no {split}_list, which this needs; name one list per corpus")
    return data


def load_to_train(stage: Stage) -> list[NII_MergeDataSetLoader | None]:
    """Data of training and of validation. Raises: ConfigError as above; DataError with the faults of both."""
    found, faults = [], []
    for load, split in ((require_data_set, "trn"), (load_data_set, "val")):
        try:
            found.append(load(stage, split))
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("\n".join(faults))
    return found


def load_data_set(stage: Stage, split: str) -> NII_MergeDataSetLoader | None:
    """The corpora of a split ("trn", "val", "test") cut and batched; None if the config has none."""
    make_synthetic_corpus(stage, (split,))
    context = crop_context(stage)
    corpora = read_corpora(stage.conf, split, (context.inputs, context.outputs))
    if not corpora:
        return None
    if split == "test" and stage.args.from_codes:
        samples = require_units(stage).samples_per_unit(stage.conf)
        corpora = corpora_of_codes(corpora, Path(stage.args.from_codes), samples)
    options = read_options(stage.conf, stage.args, split, stage.folder.path / "cache")
    loader = LoaderOptions(
        batch_size=(split == "test" and stage.args.inference_batch_size) or stage.args.batch_size,
        shuffle=split == "trn" and stage.args.shuffle,
        num_workers=stage.args.num_workers,
        sampler=stage.args.sampler if split == "trn" else "None",
        pin_memory=stage.device.type == "cuda",
        seed=stage.args.seed,
        merge=stage.args.way_to_merge_datasets,
        longest_first=split == "test",
    )
    return NII_MergeDataSetLoader.from_specs(corpora, options, loader)


def make_synthetic_corpus(stage: Stage, splits: tuple[str, ...]) -> None:
    """Where lists of these splits lie in it."""
    ensure_corpus_of(stage.conf, splits)


def require_units(stage: Stage) -> type[UnitModel]:
    """The recipe's Model, if it has units. Raises: UsageError."""
    if not issubclass(stage.recipe.Model, UnitModel):
        raise UsageError("--write-codes and --from-codes are for recipes whose model has units, such as 02-vqvae; "
                         "leave them out here")
    return stage.recipe.Model


def crop_context(stage: Stage) -> CropContext:
    """What the recipe's model wants around a crop; nothing, unless it derives from ModelBase."""
    model_class = stage.recipe.Model
    return model_class.crop_context(stage.conf) if issubclass(model_class, ModelBase) else CropContext()


def build_model(
    stage: Stage, data: NII_MergeDataSetLoader, mean_std: Any, checkpoint: Any = None,
    val_data: NII_MergeDataSetLoader | None = None,
) -> torch.nn.Module:  # fmt: skip
    """The recipe's Model for the dimensions of `data`, with the speakers of the checkpoint that it is going to get.

    Raises: DataError if somebody speaks in `data` or in `val_data` whom it does not know.
    """
    record = record_of(weights_of(checkpoint)) if checkpoint is not None else None
    stage.args.speaker_names = record.speakers if record is not None else ()
    model = stage.recipe.Model(data.get_in_dim(), data.get_out_dim(), stage.args, stage.conf, mean_std)
    if isinstance(model, ModelBase) and model.speakers is not None:
        names = data.get_seq_name_list() + (val_data.get_seq_name_list() if val_data is not None else [])
        model.speakers.numbers(dict.fromkeys(names))
    return model
