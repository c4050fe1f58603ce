"""Which engine is taken, what is said where it is not the fastest, and what is refused."""
import math

import pytest
import torch
from generation_tools import LENGTHS, NAMES, make_frames, make_model

from core_scripts.errors import ConfigError, DataError
from core_scripts.generation import choosing, kernel_build
from core_scripts.generation.choosing import native_variants, open_session
from core_scripts.generation.engine import generate
from core_scripts.generation.native_session import NativeSession
from core_scripts.generation.options import GenerationOptions
from core_scripts.generation.stepper import Drawing
from core_scripts.generation.stepping import EagerSession
from core_scripts.progress import Progress
from sandbox.config_wavenet import HEADS


@pytest.fixture(autouse=True)
def nothing_told_yet(monkeypatch):
    monkeypatch.setattr(choosing, "_told", set())


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    """Neither a compiler nor a kernel of an earlier day."""
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("RECITAL_CACHE", str(tmp_path))
    kernel_build.load_kernel.cache_clear()
    yield
    kernel_build.load_kernel.cache_clear()


def open_for(model, **options):
    frames = make_frames(model.config, LENGTHS, model.logits.weight.dtype)
    drawing = Drawing.of(model, 1.0, Progress("x", 1, "sample", quiet=True))
    return open_session(model, drawing, GenerationOptions(**options), frames)


@pytest.mark.parametrize("head", HEADS)
def test_auto_is_native_on_a_cpu_with_every_head(head):
    assert isinstance(open_for(make_model(torch.float32, head=head)), NativeSession)


@pytest.mark.parametrize("head", HEADS)
def test_heads_over_fine_levels_draw_nearly_the_same_levels(head):
    model = make_model(torch.float32, head=head, kernel_size=3)
    frames = make_frames(model.config, LENGTHS, torch.float32)
    eager, native = (generate(model, frames, LENGTHS, NAMES, GenerationOptions(kind)) for kind in ("eager", "native"))
    assert (eager[:, :3] - native[:, :3]).abs().max() <= (0 if head == "categorical" else 1)


def test_without_a_compiler_eager_generates_and_one_line_says_why(no_compiler, capsys):
    model = make_model(torch.float32)
    for _ in range(2):
        assert isinstance(open_for(model, precision="bf16"), EagerSession)
    told = capsys.readouterr().err
    assert told.count("Generating with the eager engine, in fp32, several times slower than the native one") == 1
    assert "no-such-compiler, is not there; install g++ or clang++" in told
    assert native_variants(model, GenerationOptions(), make_frames(model.config, LENGTHS, torch.float32)) == ()
    with pytest.raises(ConfigError, match="engine=native cannot generate with this model here: .*take engine=auto"):
        open_for(model, engine="native")


def test_weights_that_cannot_be_exported_are_told(capsys):
    class Other(type(make_model())):
        def export_weights(self):
            return None

    model = make_model(torch.float32)
    model.__class__ = Other
    assert isinstance(open_for(model), EagerSession)
    assert "it exports no weights" in capsys.readouterr().err
    assert isinstance(open_for(make_model()), EagerSession)
    assert "its weights are torch.float64" in capsys.readouterr().err


def test_every_variant_that_runs_here_gives_the_codes_of_eager():
    model = make_model(torch.float32)
    frames = make_frames(model.config, LENGTHS, torch.float32)
    eager = generate(model, frames, LENGTHS, NAMES, GenerationOptions("eager"))
    for variant in native_variants(model, GenerationOptions(), frames)[:1]:
        options = GenerationOptions("native", variant=variant, threads=2)
        assert torch.equal(eager, generate(model, frames, LENGTHS, NAMES, options))
    with pytest.raises(ConfigError, match="variant='avx3' is unknown"):
        open_for(model, variant="avx3")


def test_bf16_is_the_native_engines_alone():
    with pytest.raises(ConfigError, match="precision='bf16' is the native engine's alone, and engine='eager'"):
        GenerationOptions("eager", precision="bf16")
    with pytest.raises(ConfigError, match="precision='fp16' is unknown.*there are fp32, bf16"):
        GenerationOptions(precision="fp16")
    with pytest.raises(ConfigError, match="threads=-1 must be at least 1"):
        GenerationOptions(threads=-1)


def test_bf16_differs_a_little():
    model = make_model(torch.float32)
    frames = make_frames(model.config, [400], torch.float32)
    codes = [generate(model, frames, [400], ["a"], GenerationOptions("native", precision=kind))
             for kind in ("fp32", "bf16")]
    assert torch.equal(codes[0][0, :3], codes[1][0, :3])


def test_frames_that_are_not_finite_are_refused_by_the_native_engine_too():
    model = make_model(torch.float32)
    frames = make_frames(model.config, LENGTHS, torch.float32)
    frames[0, 0, 0] = math.nan
    with pytest.raises(DataError, match="the frames of a are NaN"):
        generate(model, frames, LENGTHS, NAMES, GenerationOptions("native"))


@pytest.mark.parametrize("variant", ["avx512bf16", "avx512", "avx2", "baseline"])
def test_channels_that_are_padded_with_zeros_stay_finite_in_bf16(variant):
    if variant not in kernel_build.runnable_variants()[:2]:
        pytest.skip(f"{variant} does not run here, or is left to the tests of the kernel")
    model = make_model(torch.float32)  # 5 gate channels: the sixth of a pair is padding
    frames = make_frames(model.config, [50], torch.float32)
    options = GenerationOptions("native", precision="bf16", variant=variant)
    assert generate(model, frames, [50], ["a"], options).shape == (1, 50)
