"""From config.py, file and command line to the settings of a run."""
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import load_config, resolve
from core_scripts.errors import EXIT_USAGE, ConfigError

CONFIG = '''
import math
from pathlib import Path
from {module} import Mel, Net

_private = 1
CONSTANT = 1
data = Path("DATA")
paths = [Path("a")]
trn_list = ["a.lst"]
input_dims = [80]
truncate_seq = 8000
val_list = None
label = "x"
scale = 1.0
strict = True
options = {{"framelength": 320, "order": 2}}
lr = 1e-3
net = Net()
mel = Mel()
presets = {{"net": {{"small": Net(layers=4), "standard": Net(layers=30)}}}}
input_trans_fns = [[lambda x: x]]

class Helper:
    pass

def helper():
    return math.pi
'''


@dataclass(frozen=True)
class Net:
    layers: int = 20
    cycle: int = 2
    dropout: float = 0.0
    upsample: str = "repeat"
    factors: tuple[int, ...] = (5, 4, 4)
    high_hz: float | None = None

    def __post_init__(self):
        if self.layers % self.cycle:
            raise ConfigError(f"layers={self.layers} is not a multiple of cycle={self.cycle}")


@dataclass(frozen=True)
class Mel:
    bands: int = 80


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a config.py; gives a function that resolves a command line in it."""
    import sys

    name = f"records_of_{tmp_path.name.replace('-', '_')}"
    monkeypatch.setitem(sys.modules, name, sys.modules[__name__])
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "config.py").write_text(CONFIG.format(module=name))

    def run(*words: str, config: str | None = None, more: str = "", file: str | None = None, suffix: str = ".yaml"):
        if config is not None:
            (tmp_path / "config.py").write_text(config)
        with (tmp_path / "config.py").open("a") as opened:
            opened.write(more)
        extra = []
        if file is not None:
            (tmp_path / f"some{suffix}").write_text(file)
            extra = ["--config-file", str(tmp_path / f"some{suffix}")]
        return resolve(parse_command([*words, *extra]), tmp_path)

    run.folder = tmp_path
    return run


def test_config_behaves_like_the_module_and_knows_its_path(project):
    conf = project().config
    assert conf.input_dims == [80] and conf.net == Net() and conf.helper() > 3
    assert conf.path == project.folder / "config.py"
    assert conf.as_dict()["mel"] == Mel()


@pytest.mark.parametrize(("words", "file", "expected"), [
    ((), None, 1e-3),  # config.py before the flag's default
    ((), "lr: 1e-2", 1e-2),
    (("lr=0.5",), "lr: 1e-2", 0.5),
    (("lr=0.5", "--lr", "7"), "lr: 1e-2", 7.0),
])
def test_precedence_is_config_then_file_then_override_then_flag(project, words, file, expected):
    resolved = project(*words, file=file)
    assert resolved.args.lr == resolved.config.lr == expected


def test_any_flag_can_be_set_by_its_name(project):
    args = project("batch-size=4", "model_forward_with_target=yes", more="epochs = 3\n", file="no-cuda: true").args
    assert (args.batch_size, args.model_forward_with_target, args.epochs, args.no_cuda) == (4, True, 3, True)


@pytest.mark.parametrize(("word", "value"), [
    ("truncate_seq=None", None), ("truncate_seq=160", 160), ("scale=2", 2.0), ("scale=1e-4", 1e-4),
    ("strict=no", False), ("strict=True", True), ("label=none", "none"), ("label=a=b", "a=b"),
    ("label=12", "12"), ("label=None", "None"),
    ("val_list=[a.lst, b.lst]", ["a.lst", "b.lst"]), ("val_list=3", 3), ("input_dims=[80, 1]", [80, 1]),
    ("input_dims=80,1", [80, 1]), ("trn_list=b.lst", ["b.lst"]), ("paths=[b]", [Path("b")]),
    ("data=OTHER", Path("OTHER")),
])
def test_text_takes_the_type_of_the_present_value(project, word, value):
    found = vars(project(word).config)[word.partition("=")[0]]
    assert found == value and type(found) is type(value)


def test_parts_of_records_and_dicts_are_set_by_dotted_keys(project):
    conf = project("net.layers=10", "net.high_hz=8000", "net.factors=(4,4,5)", "options.order=3").config
    assert conf.net == Net(layers=10, high_hz=8000.0, factors=(4, 4, 5))
    assert conf.options == {"framelength": 320, "order": 3}


def test_a_record_is_rebuilt_once_so_that_its_parts_may_change_together(project):
    assert project("net.layers=9", "net.cycle=3").config.net == Net(layers=9, cycle=3)


@pytest.mark.parametrize(("words", "file", "layers", "dropout"), [
    (("net=small",), None, 4, 0.0),
    (("net.dropout=0.5", "net=small"), None, 4, 0.5),
    ((), "net: small", 4, 0.0),
    ((), "net: {dropout: 0.5, preset: small}", 4, 0.5),
    ((), "net:\n  preset: small\n  layers: 8", 8, 0.0),
    ((), "net.layers: 8", 8, 0.0),
    (("net.dropout=0.5",), "net: small", 4, 0.5),
    (("net=standard",), "net: {preset: small, dropout: 0.5}", 30, 0.0),
])
def test_presets_pick_a_record_whose_parts_may_then_be_changed(project, words, file, layers, dropout):
    net = project(*words, file=file).config.net
    assert (net.layers, net.dropout) == (layers, dropout)


def test_differences_name_what_was_changed_from_outside(project):
    resolved = project("net.layers=10", "label=y", "batch_size=3", "lr=1e-3")
    assert resolved.differences() == [("batch_size", 1, 3), ("label", "x", "y"), ("net.layers", 20, 10)]


def test_dumped_settings_reproduce_the_run(project):
    first = project("net=small", "net.factors=[8,10]", "truncate_seq=None", "--batch-size", "5", "data=OTHER")
    again = project(file=first.as_yaml())
    assert again.config.net == first.config.net and again.config.data == Path("OTHER")
    assert vars(again.args) == {**vars(first.args), "config_file": again.args.config_file, "given": again.args.given}
    assert "input_trans_fns" not in yaml.safe_load(first.args.config_text)


def test_json_is_read_like_yaml(project):
    text = json.dumps({"net": {"preset": "small", "dropout": 1e-4}, "strict": False}, indent=2)
    conf = project(file=text, suffix=".json").config
    assert conf.net == Net(layers=4, dropout=1e-4) and conf.strict is False


@pytest.mark.parametrize(("word", "text"), [
    ("lable=3", r"lable: unknown key; did you mean label\? \[command line\]"),
    ("layers=10", r"did you mean net.layers"),
    ("net.layer=10", r"net.layer: unknown key; did you mean net.layers\?"),
    ("batch_sise=3", r"did you mean batch_size"),
    ("truncate_seq=1.5", r"truncate_seq: expects int \| None, got float 1.5"),
    ("net.layers=None", "net.layers: expects int, got str 'None'"),
    ("strict=maybe", r"strict: expects bool \| None, got str 'maybe'"),
    ("input_dims=[a]", "input_dims: expects int, got str 'a'"),
    ("input_dims=[1", "input_dims: line 1: "),
    ("scale=nan", r"scale: expects float \| None, got str 'nan'"),
    ("net=smal", r"no preset 'smal'; there are small, standard; did you mean small\?"),
    ("mel=big", r"mel: is a Mel; set its parts, e.g. mel.bands=\.\.\."),
    ("scale.x=1", "scale.x: unknown key"),
    ("net.layers=7", "net: layers=7 is not a multiple of cycle=2"),
    ("lr=-1", r"lr: must be at least 0, got -1.0 \[command line\]"),
    ("epochs=many", "epochs: expects int, got str 'many'"),
    ("epochs=" + "9" * 5000, "epochs: .*integer string conversion"),
    ("_private=2", "_private: unknown key"),
    ("CONSTANT=2", "CONSTANT: unknown key"),
    ("helper=2", "helper: unknown key"),
    ("Helper=2", "Helper: unknown key"),
    ("math=2", "math: unknown key"),
    ("presets=2", "presets: unknown key"),
    ("config_file=a", "config_file can only be given as --config-file"),
])
def test_overrides_that_do_not_fit_are_refused(project, word, text):
    with pytest.raises(ConfigError, match=text) as caught:
        project(word)
    assert caught.value.exit_code == EXIT_USAGE
    assert "found" not in str(caught.value)


@pytest.mark.parametrize(("file", "text"), [
    ("lr: fast", "lr: expects float, got str 'fast'"),
    ("batch_size: true", "batch_size: expects int, got bool True"),
    ("label: 3", "label: expects str, got int 3"),
    ("input_dims: 80", r"input_dims: expects list\[int\] \| None, got int 80 \[.*some.yaml\]"),
    ("lr: 1\nlr: 2", "line 2: the key 'lr' is given twice"),
    ("a: &x 1\nb: *x", "line 1: anchors, aliases and tags are not allowed"),
    ("a: !!python/object:os.system x", "line 1: anchors, aliases and tags are not allowed"),
    ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ("a: {[1]: 2}", "is not a name"),
    ("label: {a: 1}", "label.a: unknown key"),
    ("a: \x00", "special characters are not allowed"),
    ("label: " + "x" * 1_000_001, "bytes, more than 1000000"),
    ("- 1\n- 2", "holds a list, not a map"),
    ("a: [1", "cannot be read: line"),
    ("3: x", "the key '3' is not a name"),
])
def test_files_that_do_not_fit_are_refused(project, file, text):
    with pytest.raises(ConfigError, match=text):
        project(file=file)


@pytest.mark.parametrize(("file", "text"), [
    ('{"lr": 1, "lr": 2}', "'lr' is given twice"), ('{"lr": NaN}', "lr: expects float, got str 'NaN'"),
    ('{"lr": 1e999}', "lr: expects a finite number, got inf"), ("{", "cannot be read"), ("[1]", "holds a list"),
])
def test_json_files_that_do_not_fit_are_refused(project, file, text):
    with pytest.raises(ConfigError, match=text):
        project(file=file, suffix=".json")


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("-3", -3), ("010", "010"),
                                             ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("no", False),
                                             ("~", None), ("None", None)])
def test_yaml_reads_numbers_as_numbers_and_nothing_else(project, text, value):
    found = project(file=f"val_list: {text}").config.val_list
    assert found == value and type(found) is type(value)


def test_an_empty_file_changes_nothing(project):
    assert project(file="").differences()[0][0] == "config_file"


def test_missing_file_names_its_neighbours(project):
    (project.folder / "tiny.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"tinny.yaml not found; did you mean tiny.yaml\?"):
        project("--config-file", str(project.folder / "tinny.yaml"))
    with pytest.raises(ConfigError, match="there is no folder"):
        project("--config-file", "nowhere/tiny.yaml")


def test_missing_config_module_names_its_neighbours(project):
    with pytest.raises(ConfigError, match=r"confg.py not found; did you mean config.py\?"):
        project("--module-config", "confg")


@pytest.mark.parametrize(("config", "text"), [
    ("a = 1\nb = = 2\n", r"config.py:2: SyntaxError: invalid syntax"),
    ("a = 1\n\nb = undefined\n", r"config.py:3: NameError: name 'undefined' is not defined"),
    ("import no_such_module\n", "config.py:1: ModuleNotFoundError"),
    ("from core_scripts.errors import ConfigError\nraise ConfigError('layers=7')\n", "config.py:2: layers=7$"),
    ("path = 1\n", "path cannot be used as a name of a setting"),
    ("batch_size = 'big'\n", r"batch_size: expects int, got str 'big' \[config.py\]"),
])
def test_mistakes_in_config_py_are_told_with_file_and_line(project, config, text):
    with pytest.raises(ConfigError, match=text):
        project(config=config)


def test_faults_of_config_file_and_overrides_are_told_together(project):
    with pytest.raises(ConfigError, match=r"(?s)5 found.*lr: .*seed.*net: layers=7.*labl.*lrr"):
        project("lrr=1", "net.layers=7", more="seed = 1.5\n", file="labl: 3\nlr: x")
    with pytest.raises(ConfigError, match=r"(?s)2 found.*config.py:1: .*line 1: 'a' is given twice|is given twice"):
        project(config="1/0\n", file="a: 1\na: 1")


def test_faults_function_sees_the_resolved_settings(project):
    more = "\ndef faults(conf):\n    return [f'scale {conf.scale} and lr {conf.lr}'] if conf.scale > 1 else []\n"
    assert project(more=more).config.scale == 1.0
    with pytest.raises(ConfigError, match="scale 2.0 and lr 7.0"):
        project("scale=2", "--lr", "7")


def test_a_faults_function_that_fails_is_a_fault_with_its_line(project):
    with pytest.raises(ConfigError, match=r"config.py:3: ZeroDivisionError"):
        project(config="a = 1\ndef faults(conf):\n    return 1 / 0\n")


def test_two_projects_with_a_config_each_do_not_mix(tmp_path, monkeypatch):
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.py").write_text(f"me = '{name}'\n")
    assert [load_config("config", tmp_path / name).me for name in ("one", "two", "one")] == ["one", "two", "one"]
