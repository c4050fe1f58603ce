from pathlib import Path

import numpy as np
import pytest
import soundfile

from core_scripts.analysis.file_facts import count_effective_bits, describe_wave, read_facts

RATE_HZ = 16000


def noise(samples: int, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=level, size=samples)


def write(path: Path, wave: np.ndarray, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, wave, RATE_HZ, subtype=subtype)
    return path


@pytest.mark.parametrize("offset", [0, 37])
def test_eight_bits_in_a_file_of_sixteen_are_found_whatever_the_offset(offset):
    codes = np.rint(noise(4000) * 127) * 256 + offset
    assert count_effective_bits(codes / 2**15) == 8


@pytest.mark.parametrize(("step", "bits"), [(2**-15, 16), (2**-23, 24), (2**-11, 12)])
def test_bits_in_use_are_those_of_the_steps(step, bits):
    assert count_effective_bits(np.rint(noise(4000, 0.01) / step) * step) == bits


def test_samples_on_no_steps_are_floating_point():
    assert count_effective_bits(noise(100)) is None


def test_a_file_is_described_in_full(tmp_path):
    facts = read_facts(write(tmp_path / "a.wav", noise(RATE_HZ), "PCM_16"))
    assert facts.fault == "" and facts.kind == "PCM_16" and facts.effective_bits == 16
    assert facts.seconds == 1.0 and facts.silent_share == 0.0 and not facts.is_constant
    assert facts.measured.level_db == pytest.approx(-20, abs=0.2)
    assert len(facts.waveform_acf) == 801 and facts.waveform_acf[0] == 1.0
    assert facts.cpu_seconds > 0


def test_of_several_channels_the_first_is_looked_at(tmp_path):
    both = np.stack([noise(8000), np.zeros(8000)], 1)
    assert read_facts(write(tmp_path / "a.wav", both)).measured.level_db == pytest.approx(-20, abs=0.5)


def test_pauses_are_counted_as_silence():
    wave = np.concatenate([noise(8000), noise(8000, 1e-4)]).astype(np.float32)
    assert describe_wave(wave, RATE_HZ, "PCM_16").silent_share == pytest.approx(0.5, abs=0.03)
    assert describe_wave(np.zeros(100, np.float32), RATE_HZ, "PCM_16").silent_share == 1.0


def test_a_single_sample_is_no_reason_to_fail():
    facts = describe_wave(np.ones(1, np.float32), RATE_HZ, "PCM_16")
    assert facts.is_constant and np.isnan(facts.waveform_acf).all() and np.isnan(facts.envelope_acf).all()


def test_the_pitch_of_a_tone_is_its_frequency():
    wave = np.sin(2 * np.pi * 120 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32) * 0.3
    facts = describe_wave(wave, RATE_HZ, "PCM_16")
    assert np.median(facts.f0_hz) == pytest.approx(120, rel=0.01) and facts.voiced_share > 0.9
    assert describe_wave(wave[::8], 2000, "PCM_16").f0_hz is None


def test_a_damaged_file_is_a_fault_and_no_end(tmp_path):
    path = write(tmp_path / "a.wav", noise(4000))
    path.write_bytes(path.read_bytes()[:900])
    assert "is cut: the header says 4000 samples" in read_facts(path).fault
    (tmp_path / "b.wav").write_text("no sound")
    assert read_facts(tmp_path / "b.wav").fault
