import numpy as np
import pytest

from core_scripts.errors import DataError
from core_scripts.evaluation.metric import Pair
from core_scripts.evaluation.pitch import METRICS, compare_tracks, families_at


def figures_of(reference_hz, output_hz):
    figures = compare_tracks(np.array(reference_hz), np.array(output_hz))
    return {metric.key: figure for metric, figure in zip(METRICS, figures, strict=True)}


def test_each_error_counts_its_own_frames():
    figures = figures_of([100.0, 100.0, 100.0, 0.0, 0.0], [100.0 * 2 ** (10 / 1200), 200.0, 0.0, 0.0, 90.0])
    assert figures["f0_rmse_cents"].value == pytest.approx(np.sqrt((10**2 + 1200**2) / 2))
    assert figures["f0_fine_rmse_cents"].value == pytest.approx(10.0)
    assert figures["gross_pitch_error"].value == 0.5 and figures["gross_pitch_error"].count == 2
    assert figures["vuv_error"].value == pytest.approx(2 / 5)
    assert figures["f0_frame_error"].value == pytest.approx(3 / 5) and figures["f0_frame_error"].count == 5


def test_equal_tracks_have_no_error():
    track = np.array([0.0, 120.0, 130.0])
    assert [figure.value for figure in compare_tracks(track, track)] == [0.0] * 5


def test_without_voice_in_both_only_voicing_is_scored():
    figures = figures_of([100.0, 0.0], [0.0, 0.0])
    assert figures["f0_rmse_cents"].why == figures["gross_pitch_error"].why == "no frame is voiced in both"
    assert figures["vuv_error"].value == figures["f0_frame_error"].value == 0.5


def test_without_any_voice_all_is_undefined_and_why():
    assert {figure.why for figure in compare_tracks(np.zeros(4), np.zeros(4))} == {"no frame of either is voiced"}
    assert figures_of([100.0], [200.0])["f0_fine_rmse_cents"].why == "every frame voiced in both is a gross error"


def test_tracks_of_different_length_are_refused():
    with pytest.raises(DataError, match="tracks of F0 of 3 and 4 frames"):
        compare_tracks(np.zeros(3), np.zeros(4))


def test_a_tone_a_semitone_higher_is_100_cents_off():
    time = np.arange(8000) / 16000
    waves = [np.sign(np.sin(2 * np.pi * hz * time)) for hz in (150.0, 150.0 * 2 ** (1 / 12))]
    figures = families_at(16000)[0].measure(Pair("tone", *waves, 16000))
    assert figures["f0_rmse_cents"].value == pytest.approx(100.0, abs=3.0)
    assert figures["gross_pitch_error"].value == 0.0


def test_a_rate_too_low_is_undefined_and_why():
    figures = families_at(2000)[0].measure(Pair("low", np.ones(100), np.ones(100), 2000))
    assert {figure.why for figure in figures.values()} == {
        "F0 up to 400 Hz needs a rate of 4000 Hz or more, not 2000 Hz"}
