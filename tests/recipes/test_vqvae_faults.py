"""Recipe 02-vqvae: mistakes of users, each with its message, and warnings that come in time."""
import re
import shutil

import numpy as np
import pytest
from desk import Desk, copy_recipe
from vqvae_stage import QUICK, copy_vqvae, link_corpus, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Desk:
    """With a features run `units` of a few steps."""
    place = tmp_path_factory.mktemp("faults")
    desk = Desk(copy_vqvae(place / "02-vqvae"), link_corpus(place / "data"))
    answer = run(desk, "train", "--exp", "units", *QUICK)
    assert answer.code == 0, answer.err
    return desk


@pytest.mark.parametrize(("words", "message"), [
    (("decoder=mel",), "decoder='mel' is unknown, there are features, wavenet"),
    (("truncate_seq=200",), "truncate_seq=200 samples must be a multiple of the 320 of a unit.* take 320"),
    (("truncate_seq=1000",), "take 960"),
    (("mel.hop=48", "mel.window=400"), r"mel.hop=48 does not divide the 320 samples of a unit .*strides \[1, 2, 1\]"),
    (("upsample=samples", "upsampler.strides=[5,4,4]"), "hop=320 is not the product of strides, 5 . 4 . 4 = 80"),
    (("wav_samp_rate=8000",), "mfcc.rate_hz=16000, mel.rate_hz=16000, wav_samp_rate=8000: set all three alike"),
    (("statistics_crops=8",), "statistics_crops=8 must leave some of the batch_size=8 crops"),
    (("decoder=wavenet", "statistics_crops=2"), "statistics_crops=2 has no use with way=two-step"),
])
def test_settings_that_do_not_fit_are_told_with_what_would(desk, words, message):
    answer = run(desk, "train", "--exp", "never", *words)
    assert answer.code == 2 and not (desk.folder / "exp/never").exists()
    assert_told(answer, message)


def assert_told(answer, message: str) -> None:
    assert re.search(message, answer.err, re.DOTALL), answer.err
    assert "Traceback" not in answer.err


def test_two_steps_without_the_first_one_say_how_to_make_it(desk):
    for given, words in (("", "init_codes_from=''"), ("exp/unitz/trained_model.pt", "no such file")):
        answer = run(desk, "train", "--exp", "wave", "decoder=wavenet", "batch_size=2", f"init_codes_from={given}")
        assert answer.code == 4
        assert_told(answer, f"{words}.*python main.py train decoder=features --exp units")


def test_units_of_other_features_are_refused_with_both_passports(desk):
    answer = run(desk, "train", "--exp", "wave", "decoder=wavenet", "batch_size=2", "mfcc.low_hz=100",
                 "init_codes_from=exp/units/trained_model.pt")
    assert answer.code == 2
    assert_told(answer, "the checkpoint has passport .* mfcc in the configuration .*low_hz 60.0 and 100.0")


def test_units_of_another_size_are_refused_part_by_part(desk):
    answer = run(desk, "train", "--exp", "wave", "decoder=wavenet", "batch_size=2", "bottleneck.codes=32",
                 "init_codes_from=exp/units/trained_model.pt")
    assert answer.code == 4
    assert_told(answer, r"codebook: \(16, 16\) there, \(32, 16\) here")


def test_an_unknown_voice_is_named_with_those_that_are_known(desk):
    answer = run(desk, "infer", "--exp", "units", "--target-speaker", "bem")
    assert answer.code == 2
    assert_told(answer, r"the model knows no such speaker; did you mean ben\? \(it knows ada, ben, cleo, dan\)")


def test_a_speaker_without_training_data_is_told(desk, tmp_path):
    data = shutil.copytree(desk.data, tmp_path / "data", symlinks=True)
    for kind in ("train", "val"):
        kept = [line for line in (data / f"{kind}.lst").read_text().splitlines() if not line.startswith("dan")]
        if kind == "val":
            answer = run(desk.on(data), "train", "--exp", "nodan", *QUICK)
            assert answer.code == 2
            assert_told(answer, r"dan_\d+ is of dan, whom the model does not know.* \(it knows ada, ben, cleo\)")
        (data / f"{kind}.lst").write_text("\n".join(kept) + "\n")
    assert run(desk.on(data), "train", "--exp", "nodan", *QUICK).code == 0
    answer = run(desk.on(data), "infer", "--exp", "nodan", "--target-speaker", "dan")
    assert answer.code == 2
    assert_told(answer, "--target-speaker dan: the model knows no such speaker")


def test_codes_outside_the_codebook_are_refused(desk, tmp_path):
    np.save(tmp_path / "ada_0104.npy", np.array([[3.0], [16.0]], dtype=np.float32))
    answer = run(desk, "infer", "--exp", "units", "--from-codes", str(tmp_path), "--output-dir", str(tmp_path / "out"))
    assert answer.code == 2
    assert_told(answer, r"codes reach from \d+ to 16, the codebook has 16")


def test_a_folder_without_codes_is_named(desk, tmp_path):
    answer = run(desk, "infer", "--exp", "units", "--from-codes", str(tmp_path))
    assert answer.code == 2
    assert_told(answer, "no NAME.npy in it; give the folder that --write-codes wrote")


def test_recipes_without_units_have_no_files_of_them(tmp_path, desk):
    vocoder = Desk(copy_recipe(tmp_path / "01"), desk.data)
    answer = vocoder.run("infer", "--write-codes", "--save-model-dir", str(tmp_path))
    assert answer.code == 2
    assert_told(answer, "for recipes whose model has units")


def test_a_bottleneck_without_codes_has_no_files_of_them(desk):
    words = ("--exp", "ae", "bottleneck.kind=ae")
    assert run(desk, "train", *words, *QUICK).code == 0
    answer = run(desk, "infer", *words, "--write-codes")
    assert answer.code == 2
    assert_told(answer, "a bottleneck of kind ae has none; train one of kind vq-ema, vq or fsq")


def test_a_codebook_too_large_for_the_crops_is_warned_of_with_numbers(desk):
    answer = run(desk, "train", "--exp", "large", "bottleneck.codes=512", "start_crops=128", *QUICK)
    assert answer.code == 0, answer.err
    assert_told(answer, "codes=512 is much for 40 latents per step.* take codes=")


def test_fewer_crops_than_codes_cannot_start_a_codebook(desk):
    answer = run(desk, "train", "--exp", "few", "bottleneck.codes=512", "start_crops=8", *QUICK)
    assert answer.code == 2
    assert_told(answer, "k-means over .* latents cannot find 512 codes")


def test_normalisation_that_lets_the_encoder_collapse_is_warned_of(desk):
    answer = run(desk, "train", "--exp", "layer", "bottleneck.norm=layer", *QUICK)
    assert answer.code == 0, answer.err
    assert_told(answer, "norm=layer with vq-ema .* the encoder shrinks to a point")


def test_a_collapsed_run_is_warned_of_or_stopped(desk):
    words = ("bottleneck.codes=4", "epochs=8", "minibatch_num_train=30", "minibatch_num_val=1")
    answer = run(desk, "train", "--exp", "poor", *words)
    assert answer.code == 0, answer.err
    assert_told(answer, "step 200: the encoder collapsed: perplexity [0-9.]+ is below 8")
    answer = run(desk, "train", "--exp", "stopped", "stop_on_collapse=true", *words)
    assert answer.code == 1
    assert_told(answer, "the encoder collapsed.*stop_on_collapse=true ends the run here")
