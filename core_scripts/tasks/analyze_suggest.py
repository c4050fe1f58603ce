"""analyze suggest: a network for some recordings, with reasons, as a configuration that runs."""
import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from core_scripts import log
from core_scripts.analysis.config_writing import free_name, rewrite_config, write_new
from core_scripts.analysis.data_files import AudioSet
from core_scripts.analysis.model_sheet import ModelCost
from core_scripts.analysis.suggestion import (
    UNKNOWN_WITH_FRAMES,
    Suggestion,
    explain_parameters,
    most_parameters,
    suggest,
)
from core_scripts.config_parse.arg_parse import Command
from core_scripts.config_parse.config_parse import Resolved, load_config, resolve
from core_scripts.config_parse.options import SETTINGS
from core_scripts.config_parse.overrides import children
from core_scripts.corpus.prepare_lists import KINDS
from core_scripts.corpus.prepare_proposal import find_mel, mel_for_rate, proposed_words
from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.features.config_mel import MelConfig
from core_scripts.flow import Stage, make_synthetic_corpus, set_stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.other_tools.list_tools import read_list
from core_scripts.run_folder import RunFolder
from core_scripts.tasks.analyze_data import chosen_audio, chosen_levels, effort_of, measure_sheet
from core_scripts.tasks.analyze_model import fresh_model, measure_cost

CONFIG_NAME = "config_suggested.py"
_WIDTHS = (64, 48, 32, 24, 16, 12, 8)
_POST = 256
_MIB = 2**20
_MOST_NAMES = 20_000  # written into a configuration; more belong into lists


@dataclass(frozen=True)
class Candidate:
    """A suggestion with so many channels, the settings that make it, and what they cost."""

    suggestion: Suggestion
    channels: int
    resolved: Resolved
    parameters: int
    cost: ModelCost

    def over(self, budget: dict[str, float]) -> list[str]:
        """Which bounds it breaks; 0 is no bound."""
        step, speed = self.cost.training_step, self.cost.generation
        used = {"parameters": self.parameters, "MiB": step.memory_bytes / _MIB if step else 0.0,
                "seconds per second": (speed and speed.seconds_per_second) or 0.0}
        return [f"{_short(used[name])} {name} where {_short(most)} are allowed" for name, most in budget.items()
                if most and used[name] > most]


def suggest_model(resolved: Resolved, folder: RunFolder) -> None:
    """Print what suits the data and why, and write it as a configuration beside config.py, never over a file."""
    args = resolved.args
    place = _chosen_place(resolved)
    net = _network_key(resolved)
    levels = _levels_words(resolved, net)
    audio = chosen_audio(resolved)
    audio.rate_hz()
    sheet = measure_sheet(audio, effort_of(args))
    suggestion = suggest(sheet)
    if children(vars(resolved.config)[net])["cond_channels"]:
        suggestion = replace(suggestion, unknown=(*suggestion.unknown, UNKNOWN_WITH_FRAMES))
    stage = set_stage(resolved, folder)
    make_synthetic_corpus(stage, ("trn",))
    budget = {"parameters": args.analyze_most_parameters, "MiB": args.analyze_most_memory,
              "seconds per second": args.analyze_most_seconds}
    words = [*_fitting_words(resolved, audio), *levels]
    chosen, told = _choose(_candidates(stage, resolved, net, words, suggestion, budget), budget, most_parameters(sheet))
    reasons = [*suggestion.reasons, explain_parameters(sheet, chosen.parameters, chosen.channels), *told]
    text = _config_text(chosen, audio, reasons, suggestion.unknown)
    write_new(place, text)
    _verify(place, chosen.resolved, net)
    _tell(chosen, net, reasons, place, as_json=args.json)


def _chosen_place(resolved: Resolved) -> Path:
    """Where the configuration goes. Raises: UsageError before any work if there is a file."""
    given, folder = resolved.args.analyze_suggested_config, resolved.config.path.parent
    if not given:
        return free_name(folder / CONFIG_NAME)
    place = Path(given) if Path(given).parent != Path(".") else folder / given
    if place.exists():
        raise UsageError(f"--suggested-config {place} is there already and is never overwritten; name another file")
    if place.suffix != ".py" or not place.stem.isidentifier():
        raise UsageError(f"--suggested-config {given}: a configuration is a Python module, such as {CONFIG_NAME}")
    return place


def _network_key(resolved: Resolved) -> str:
    """The setting that is a WaveNet. Raises: ConfigError if the recipe has none that can be suggested."""
    for name, value in vars(resolved.recipe).items():
        is_setting = name != "presets" and not name.startswith("_")
        if is_setting and {"layers", "dilation_cycle", "cond_channels"} <= set(children(value)):
            return name
    raise ConfigError(f"{resolved.config.path} has no WaveNetConfig, which is what suggest fits; run it in a recipe "
                      f"that has one, such as 01-wavenet-vocoder")


def _levels_words(resolved: Resolved, net: str) -> list[str]:
    """What sets the number of levels: as bits where it is a power of two."""
    levels = chosen_levels(resolved)
    if levels & (levels - 1):
        return [f"{net}.codes={levels}"]
    return [f"{net}.codes=0", f"{net}.bits={levels.bit_length() - 1}"]


def _fitting_words(resolved: Resolved, audio: AudioSet) -> list[str]:
    """What the user set, and what makes the recipe's rate and frames suit the recordings."""
    own = [f"{key}={_as_word(new)}" for key, _, new in resolved.differences() if key.partition(".")[0] not in SETTINGS]
    rate_hz, conf = audio.rate_hz(), resolved.config
    if not any(isinstance(value, MelConfig) for value in vars(conf).values()):
        return own + [f"wav_samp_rate={rate_hz}"] * (vars(conf).get("wav_samp_rate", rate_hz) != rate_hz)
    frames = [one.header.frames for one in audio.recordings.values()]
    return own + proposed_words(conf, mel_for_rate(find_mel(conf)[1], rate_hz), round(median(frames)))


def _candidates(
    stage: Stage, resolved: Resolved, net: str, words: list[str], suggestion: Suggestion, budget: dict[str, float]
) -> Iterator[Candidate]:
    """From what is wanted to what is small: fewer channels first, then fewer blocks."""
    project_dir = resolved.config.path.parent
    for blocks in range(suggestion.blocks, 0, -1):
        own = suggestion.with_blocks(blocks)
        for channels in [width for width in _WIDTHS if width <= suggestion.channels]:
            sizes = {"layers": own.layers, "dilation_cycle": own.dilation_cycle, "kernel_size": 2,
                     "residual_channels": channels, "gate_channels": channels, "skip_channels": 4 * channels,
                     "post_channels": min(8 * channels, _POST)}
            wanted = [*words, *(f"{net}.{name}={value}" for name, value in sizes.items())]
            pairs = tuple((key, text) for key, _, text in (word.partition("=") for word in wanted))
            settings = resolve(Command("analyze", resolved.args, frozenset(SETTINGS), pairs), project_dir)
            made = Stage(settings.config, stage.args, stage.device, stage.recipe, stage.folder)
            model = fresh_model(made)
            _require_use(model, settings, net, own)
            parameters = sum(value.numel() for value in model.parameters() if value.requires_grad)
            fits = not budget["parameters"] or parameters <= budget["parameters"]
            is_measured = fits and bool(budget["MiB"] or budget["seconds per second"])
            cost = measure_cost(made, model, measured=True) if is_measured else ModelCost()
            yield Candidate(own, channels, settings, parameters, cost)


def _require_use(model: ModelBase, settings: Resolved, net: str, suggestion: Suggestion) -> None:
    """Raises: ConfigError if the model does not make use of the network that is suggested."""
    field = model.describe_geometry(settings.config).get("receptive_field_samples")
    if field != suggestion.receptive_field:
        raise ConfigError(f"the model of {settings.config.path.parent} makes no use of {net} as it is set, its "
                          f"receptive field is {field} whatever {net} says; run this in 01-wavenet-vocoder, or choose "
                          f"settings that switch {net} on")


def _choose(candidates: Iterator[Candidate], budget: dict[str, float], taught: int) -> tuple[Candidate, list[str]]:
    """The first one within the budget whose parameters the data can teach; and what was given up for it.

    Raises: UsageError if none is within the budget.
    """
    first = last = None
    for candidate in candidates:
        first, last = first or candidate, candidate
        is_smallest = candidate.channels == _WIDTHS[-1]
        if candidate.over(budget) or (candidate.parameters > taught and not is_smallest):
            continue
        told = []
        if candidate.channels < first.channels:
            told.append(f"{first.channels} channels, {first.parameters:,} parameters, would be too many: "
                        + (", ".join(first.over(budget)) or f"the training list teaches about {taught:,}"))
        if candidate.suggestion.blocks < first.suggestion.blocks:
            told.append(f"the budget leaves {candidate.suggestion.blocks} of {first.suggestion.blocks} blocks, so the "
                        f"field of {candidate.suggestion.receptive_field_ms:.0f} ms is shorter than the correlations "
                        f"ask for")
        if step := candidate.cost.training_step:
            told.append(f"a training step of {step.batch_size} x {step.samples:,} samples takes "
                        f"{_short(step.memory_bytes / _MIB)} MiB; a smaller batch_size takes less")
        return candidate, told
    raise UsageError(f"no network is within the budget: one block of {last.channels} channels takes "
                     f"{', '.join(last.over(budget))}; allow more")


def _config_text(chosen: Candidate, audio: AudioSet, reasons: list[str], unknown: tuple[str, ...]) -> str:
    resolved, recipe = chosen.resolved, vars(chosen.resolved.recipe)
    values = {name: value for name, value in vars(resolved.config).items()
              if name in recipe and value != recipe[name] and not callable(value)}
    if audio.place.is_dir():
        values |= _data_values(audio, recipe)
    points = [*(f"- {line}" for line in reasons), "", "Not known:", *(f"- {line}" for line in unknown)]
    about = _in_lines([f"Suggested by `analyze suggest` for {audio.place}.", "", f"{chosen.suggestion}.", *points])
    source = resolved.config.path.read_text(encoding="utf-8")
    return rewrite_config(source, values, about, resolved.config.path.name)


def _data_values(audio: AudioSet, recipe: dict[str, Any]) -> dict[str, Any]:
    """Lists and folders of recordings. Raises: DataError if one setting cannot name them all."""
    place = audio.place
    endings = sorted({one.path.suffix for one in audio.recordings.values()})
    if len(endings) > 1:
        raise DataError(f"{place} holds {' and '.join(endings)} files, a recipe reads one kind; python main.py prepare "
                        f"--wav-dir {place} makes them alike")
    in_wav = all(name.startswith("wav/") for name in audio.recordings)
    values: dict[str, Any] = {"data": str(place)}
    folder = "{data}/wav" if in_wav else "{data}"
    values |= {name: [[folder]] for name in ("input_dirs", "output_dirs", "test_input_dirs", "test_output_dirs")}
    values |= {name: endings for name in ("input_exts", "output_exts")}
    for kind, split in zip(KINDS, ("trn", "val", "test"), strict=True):
        names = [name.removeprefix("wav/") if in_wav else name for name in audio.lists[kind]]
        path = place / f"{kind}.lst"
        is_there = path.is_file() and read_list(path) == names
        if not is_there and len(names) > _MOST_NAMES:
            raise DataError(f"{place} has no usable {path.name} and {len(names):,} recordings; python main.py prepare "
                            f"--wav-dir {place} makes lists")
        values[f"{split}_list"] = [f"{{data}}/{path.name}"] if is_there else [names]
    return {name: value for name, value in values.items() if recipe.get(name) != value}


def _verify(place: Path, resolved: Resolved, net: str) -> None:
    """Read it back. Raises: ConfigError if it is not what was meant, which would be a fault of ours."""
    read = load_config(place.stem, place.parent)
    if vars(read)[net] != vars(resolved.config)[net]:
        raise ConfigError(f"{place} does not give the {net} that was suggested; report this")


def _tell(chosen: Candidate, net: str, reasons: list[str], place: Path, *, as_json: bool) -> None:
    suggestion, record = chosen.suggestion, vars(chosen.resolved.config)[net]
    exp = place.stem.removeprefix("config_")
    command = f"python main.py --module-config {place.stem} --exp {exp}"
    if place.parent.resolve() != chosen.resolved.config.path.parent:
        command = f"cp {place} {chosen.resolved.config.path.parent} && {command}"
    if as_json:
        log.say(json.dumps({
            "config": str(place), "net": children(record), "receptive_field_samples": suggestion.receptive_field,
            "receptive_field_ms": suggestion.receptive_field_ms, "parameters": chosen.parameters, "reasons": reasons,
            "unknown": list(suggestion.unknown), "command": command}))
        return
    lines = [f"{suggestion}; {chosen.channels} channels, {chosen.parameters:,} parameters",
             "because", *(f"- {line}" for line in reasons), "not known:",
             *(f"- {line}" for line in suggestion.unknown), f"{place}; to train with it:", f"  {command}"]
    log.say("\n".join(lines))


def _in_lines(points: list[str]) -> str:
    return "\n".join(textwrap.fill(point, 112, subsequent_indent="  ") for point in points)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _as_word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
