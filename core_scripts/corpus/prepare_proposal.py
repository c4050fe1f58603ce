"""Which settings of the recipe suit the recordings, and the command line that trains with them."""
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from core_scripts.config_parse.config_parse import ProjectConfig
from core_scripts.config_parse.overrides import children
from core_scripts.errors import ConfigError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.feature_record import FeatureRecord

Frames = TypeVar("Frames", bound=FeatureRecord)  # with rate_hz, window, hop, fft and high_hz

_LONGEST_FFT = 2**14
_VOICE_CHANNELS = 16
_CROP_KEYS = ("truncate_seq", "minimum_len")


def find_mel(conf: ProjectConfig) -> tuple[str, MelConfig]:
    """The key and the record of the log-mel front end. Raises: ConfigError if config.py has none."""
    for name, value in vars(conf).items():
        if isinstance(value, MelConfig):
            return name, value
    raise ConfigError(f"{conf.path} defines no MelConfig; prepare computes the frames that such a record describes")


def mel_for_rate(mel: Frames, rate_hz: int) -> Frames:
    """`mel`, or where the recordings have another rate, the same milliseconds and bands at that rate.

    Raises: ConfigError if no FFT is long enough for so many bands.
    """
    if mel.rate_hz == rate_hz:
        return mel
    hop = max(1, round(mel.hop * rate_hz / mel.rate_hz))
    overhang = round((mel.window - mel.hop) * rate_hz / mel.rate_hz / 2) * 2
    top_hz = mel.high_hz if mel.high_hz is not None and mel.high_hz <= rate_hz / 2 else None
    fft = 1 << (hop + overhang - 1).bit_length()
    while True:
        try:
            return replace(mel, rate_hz=rate_hz, hop=hop, window=hop + overhang, fft=fft, high_hz=top_hz)
        except ConfigError as error:
            fft *= 2
            if fft > _LONGEST_FFT:
                raise ConfigError(f"{mel.bands} bands do not fit {rate_hz} Hz; give mel.bands=...: {error}") from None


def minimum_seconds(conf: ProjectConfig, mel: MelConfig) -> float:
    """The shortest utterance that training takes."""
    return max(vars(conf).get("minimum_len") or 1, 1) / mel.rate_hz


def proposed_words(conf: ProjectConfig, found: MelConfig, median_samples: int) -> list[str]:
    """`key=value` of every setting of the recipe that does not suit the frames `found`.

    Every record's hop and rate follow that of the frames; crops keep their number of frames, and are not longer than
    half of the recordings.
    """
    key, mel = find_mel(conf)
    values = vars(conf)
    words = [f"{key}.{part}={new}" for part, new in children(found).items() if new != children(mel)[part]]
    for name, value in values.items():
        parts = children(value) if name not in ("presets", key) and not name.isupper() else {}
        if parts and isinstance(value, FeatureRecord):
            other = children(mel_for_rate(value, found.rate_hz))
            words += [f"{name}.{part}={new}" for part, new in other.items() if new != parts[part]]
        elif parts.get("hop") == mel.hop != found.hop:
            words.append(f"{name}.hop={found.hop}")
    if values.get("wav_samp_rate") not in (None, found.rate_hz):
        words.append(f"wav_samp_rate={found.rate_hz}")
    if values.get("input_reso") == [mel.hop] != [found.hop]:
        words.append(f"input_reso=[{found.hop}]")
    for name in _CROP_KEYS:
        if values.get(name):
            frames = max(1, round(values[name] / mel.hop))
            if name == "truncate_seq":
                frames = max(1, min(frames, median_samples // found.hop))
            if frames * found.hop != values[name]:
                words.append(f"{name}={frames * found.hop}")
    return words


def stored_words(conf: ProjectConfig) -> list[str]:
    """What makes the recipe read the stored frames instead of computing them; nothing if it has several inputs."""
    key, _ = find_mel(conf)
    if vars(conf).get("input_front_ends") != [key]:
        return []
    return ["input_front_ends=None", "input_exts=[.mel]", 'input_dirs=[["{data}/mel"]]',
            'test_input_dirs=[["{data}/mel"]]', f"input_fills=[{key}]"]


def speaker_words(conf: ProjectConfig) -> list[str]:
    """What lets the recipe tell the speakers apart; nothing if it cannot."""
    records = [name for name, value in vars(conf).items()
               if name != "presets" and children(value).get("global_channels") == 0]
    return ["speakers={data}/speakers.tsv", f"{records[0]}.global_channels={_VOICE_CHANNELS}"] \
        if records and vars(conf).get("speakers") == "" else []


def train_command(name: str, out: Path, words: list[str]) -> str:
    """The exact command line, for a shell."""
    return shlex.join(["python", "main.py", "train", "--exp", name, f"data={out}", *words])
