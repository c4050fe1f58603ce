"""The verb verify: whether this checkpoint sounds the same by every engine, in pieces, in a batch and alone."""
import json
from dataclasses import asdict

import torch

from core_scripts import log
from core_scripts.checkpoint.choosing import checkpoint_to_generate_with
from core_scripts.checkpoint.fitting import load_weights
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.data_io.seq_info import parse_info
from core_scripts.errors import RecitalError, UsageError
from core_scripts.evaluation.engine_check import Excerpt, check_engines
from core_scripts.flow import build_model, require_data_set, set_stage
from core_scripts.generation.choosing import native_variants
from core_scripts.geometry.span import Span
from core_scripts.nn_manager.model_base import adapt_model
from core_scripts.nn_manager.nn_manager_tools import move_batch
from core_scripts.run_folder import RunFolder


def verify(resolved: Resolved, folder: RunFolder) -> None:
    """Hold the engines against each other on the longest utterances of the test list.

    Raises: UsageError if the model does not generate sample by sample; RecitalError if a check fails.
    """
    stage = set_stage(resolved, folder)
    test_set = require_data_set(stage, "test")
    checkpoint = checkpoint_to_generate_with(stage.args)
    model = build_model(stage, test_set, None, checkpoint).to(stage.device).eval()
    load_weights(model, weights_of(checkpoint), "the trained model")
    generator = adapt_model(model).wave_generator()
    if generator is None:
        raise UsageError("verify is for models that generate sample by sample, and this one makes its output in one "
                         "pass; there are no engines to compare")
    lengths = [parse_info(info).length for info in test_set.get_seq_info()]
    numbers = sorted(range(len(lengths)), key=lambda number: -lengths[number])[: stage.args.verify_check_utterances]
    samples = min(stage.args.verify_check_samples, lengths[numbers[-1]])
    part = Span(0, lengths[numbers[0]] if generator.reads_whole else samples)
    batch = move_batch(test_set.read_part(numbers, part), stage.device)
    with torch.no_grad():
        frames = generator.frames(batch)
    excerpt = Excerpt(generator.stepper, frames, batch.names, samples, generator.options)
    checks = check_engines(excerpt, native_variants(generator.stepper, generator.options, excerpt.frames))
    if stage.args.json:
        log.say(json.dumps({"samples": samples, "utterances": list(batch.names),
                            "checks": [asdict(check) for check in checks]}))
    else:
        log.say(f"{len(numbers)} utterances, the first {samples:,} samples of each")
        log.say("\n".join(map(str, checks)))
    failed = [check.name for check in checks if not check.passed]
    if failed:
        raise RecitalError(f"{len(failed)} of {len(checks)} checks failed: {'; '.join(failed)}. Generate with "
                           "--engine eager until this is mended, and report it with the text above")
