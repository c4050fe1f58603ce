"""Functions of the configuration: their order, their arguments, and what they may change."""
import numpy as np
import pytest

from core_scripts.data_io.default_data_io import NIIDataSet
from core_scripts.errors import ConfigError, DataError


def item(made, spec: dict, **options):
    return NIIDataSet.from_spec(made.spec(**spec), made.options(**options))[0]


def test_functions_run_in_order_input_output_joint(corpus):
    order = []

    def named(name):
        return lambda data: order.append(name) or data

    def joint(inputs, outputs):
        order.append("joint")
        return inputs[:5], outputs[:40], 40

    spec = {"input_functions": (named("input"),), "output_functions": (named("output"),), "joint_function": joint}
    inputs, outputs, info, _ = item(corpus, spec)
    assert order == ["input", "output", "joint"]
    assert (len(inputs), len(outputs), info) == (5, 40, "0,b,0,40,0")


def test_a_function_of_two_arguments_is_told_which_item(corpus):
    seen = []
    item(corpus, {"input_functions": (lambda data, info: seen.append(info) or data,)})
    assert (seen[0].seq_name, seen[0].seq_length(), seen[0].seq_start_pos()) == ("b", 160, 0)


def test_defaults_are_no_second_argument(corpus):
    inputs, _, _, _ = item(corpus, {"input_functions": (lambda data, gain=2.0: gain * data,)})
    assert np.array_equal(inputs, 2 * corpus.mel("b"))


@pytest.mark.parametrize(("function", "length"), [
    (lambda data: data[:15], 120),
    (lambda data: {"data": data[:15], "length": 117}, 117),
])
def test_a_changed_length_stands_in_the_info(corpus, function, length):
    inputs, _, info, _ = item(corpus, {"input_functions": (function,)})
    assert (len(inputs), info) == (15, f"0,b,0,{length},0")


def test_context_does_not_count_as_length(corpus):
    spec = {"inputs": (corpus.mel_stream(context=(2, 1)),), "input_functions": (lambda data: data[:15],)}
    assert item(corpus, spec)[2] == "0,b,0,96,0"


def test_one_output_may_become_several(corpus):
    spec = {"output_functions": (lambda wave: [wave, wave[::8, :] * 2],)}
    _, outputs, info, _ = item(corpus, spec)
    assert [array.shape for array in outputs] == [(160, 1), (20, 1)]
    batches = list(corpus.load(spec, {"batch_size": 3}).get_loader())
    assert [tuple(target.shape) for target in batches[0].targets] == [(3, 200, 1), (3, 25, 1)]
    assert info == "0,b,0,160,0"


def test_one_of_several_streams_must_keep_its_length(corpus, capsys):
    spec = {"inputs": (corpus.mel_stream(), corpus.mel_stream()),
            "input_functions": (lambda data: data + 1, lambda data: data[:3])}
    inputs, _, info, _ = item(corpus, spec)
    assert np.array_equal(inputs, np.concatenate([corpus.mel("b") + 1, corpus.mel("b")], axis=1))
    assert info == "0,b,0,160,0"
    assert "input function 1 of trn changes the length" in capsys.readouterr().err


def test_drawn_numbers_depend_on_seed_epoch_and_item_alone(corpus):
    data = NIIDataSet.from_spec(
        corpus.spec(input_functions=(lambda mel: mel + np.random.uniform(),)), corpus.options(truncate=40)
    )
    drawn = {}
    for epoch in (0, 1):
        data.epoch = epoch
        for index in (1, 0):
            drawn[epoch, index] = float(data[index][0][0, 0] - corpus.mel("b")[5 * index, 0])
    data.epoch = 0
    assert float(data[0][0][0, 0] - corpus.mel("b")[0, 0]) == drawn[0, 0]
    assert len(set(drawn.values())) == 4


@pytest.fixture
def spoken(make_corpus, save_wav):
    """Silence, a tone, a pause, a tone, silence: 0.2 s each."""
    made = make_corpus({"x": 16000})
    tone = 0.5 * np.sin(np.arange(3200) * 0.3)
    parts = [np.zeros(3200), tone, np.zeros(3200), tone, np.zeros(3200)]
    save_wav(made.root / "wav" / "x.wav", np.concatenate(parts))
    return made


@pytest.mark.parametrize(("option", "kept"), [(1, 6400), (2, 9600), (3, 9600)])
def test_the_silence_handler_keeps_what_it_is_asked_for(spoken, option, kept):
    spec = {"inputs": (spoken.wav_stream(),), "outputs": ()}
    inputs, _, info, _ = item(spoken, spec, silence_handler=option)
    assert abs(len(inputs) - kept) <= 4 * 320
    assert inputs.shape[1] == 1
    assert info == f"0,x,0,{len(inputs)},0"
    assert (np.abs(inputs).max() > 0.4) == (option != 2)


def test_an_output_side_is_trimmed_too(spoken):
    _, outputs, info, _ = item(spoken, {"inputs": (spoken.wav_stream(),), "outputs": (spoken.wav_stream(),)},
                               silence_handler=3)
    assert info == f"0,x,0,{len(outputs)},0"
    assert len(outputs) < 12000


def test_a_silence_handler_without_a_plain_waveform_is_refused(corpus):
    with pytest.raises(ConfigError, match="opt-wav-silence-handler=1 must be"):
        item(corpus, {"outputs": ()}, silence_handler=1)
    with pytest.raises(ConfigError, match="opt-wav-silence-handler=7"):
        item(corpus, {}, silence_handler=7)


def test_nothing_left_after_the_silence_handler_is_told(spoken, save_wav):
    save_wav(spoken.root / "wav" / "x.wav", np.zeros(16000))
    with pytest.raises(DataError, match="x: nothing is left after the silence handler"):
        item(spoken, {"inputs": (spoken.wav_stream(),), "outputs": ()}, silence_handler=1)
