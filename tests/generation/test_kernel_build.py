"""The kernel's cache: what is loaded from it, what is built again, and what is said."""
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts.errors import ConfigError
from core_scripts.generation import kernel_build
from core_scripts.generation.kernel_build import KernelMissingError, cache_folder, load_kernel, runnable_variants

STUB = 'extern "C" int wavenet_version() { return 1; }\n'  # a source that compiles at once
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a kernel that is quick to build."""
    source = tmp_path / "kernel.cpp"
    source.write_text(STUB)
    monkeypatch.setattr(kernel_build, "SOURCE", source)
    monkeypatch.setenv("RECITAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    load_kernel.cache_clear()
    yield tmp_path / "cache" / "kernels"
    load_kernel.cache_clear()


def load_again(variant="baseline"):
    load_kernel.cache_clear()
    return load_kernel(variant)


needs_compiler = pytest.mark.skipif(not any(map(kernel_build.shutil.which, kernel_build.COMPILERS)),
                                    reason="no C++ compiler")


@needs_compiler
def test_a_kernel_is_built_once_in_a_folder_of_the_users_own(cache, capsys):
    load_again()
    assert "building the native kernel (baseline)" in capsys.readouterr().err
    load_again()
    assert "building" not in capsys.readouterr().err
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert sorted(path.suffix for path in cache.iterdir()) == [".sha256", ".so"]


@needs_compiler
def test_another_source_another_compiler_and_another_cpu_have_kernels_of_their_own(cache, monkeypatch):
    load_again()
    kernel_build.SOURCE.write_text(STUB + "// changed\n")
    load_again()
    monkeypatch.setattr(kernel_build, "cpu_abilities", lambda: frozenset({"another"}))
    load_again()
    monkeypatch.setenv("CXX", kernel_build.shutil.which("c++") or "c++")
    load_again()
    assert len(list(cache.glob("*.so"))) == 4


@needs_compiler
@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:99] + b"\0x" + path.read_bytes()[101:]),
    lambda path: path.chmod(0o777),
    lambda path: path.with_suffix(".sha256").write_text("nonsense"),
], ids=["cut", "empty", "changed", "writable by others", "digest"])
def test_a_damaged_kernel_is_told_of_and_built_again(cache, damage, capsys):
    load_again()
    path = next(cache.glob("*.so"))
    damage(path)
    load_again()
    assert f"{path} is damaged or not yours: it is built again" in capsys.readouterr().err
    load_again()
    assert "building" not in capsys.readouterr().err


@needs_compiler
def test_a_digest_that_is_missing_is_written_with_a_new_kernel(cache, capsys):
    load_again()
    next(cache.glob("*.sha256")).unlink()
    load_again()
    assert "building" in capsys.readouterr().err and len(list(cache.iterdir())) == 2


@needs_compiler
def test_nothing_is_loaded_from_a_folder_where_others_may_write(cache, capsys):
    load_again()
    cache.chmod(0o777)
    load_again()
    told = capsys.readouterr().err
    assert f"{cache} belongs to another user, or others may write there" in told and "chmod 700" in told


@needs_compiler
def test_nothing_is_loaded_from_a_folder_of_another_user(cache, monkeypatch, capsys):
    load_again()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    load_again()
    assert "belongs to another user" in capsys.readouterr().err


@needs_compiler
def test_a_cache_that_cannot_be_made_costs_a_build_and_no_more(cache, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECITAL_CACHE", str(tmp_path / "file"))
    load_again()
    told = capsys.readouterr().err
    assert f"no kernel can be kept in {tmp_path / 'file'}" in told and "RECITAL_CACHE names another folder" in told


@needs_compiler
def test_a_full_disk_costs_a_build_and_no_more(cache, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernel_build, "write_whole", refuse)
    load_again()
    assert f"cannot be kept in {cache} (No space left on device)" in capsys.readouterr().err


@needs_compiler
@pytest.mark.slow
def test_processes_that_start_together_all_get_a_kernel(cache):
    code = (f"import ctypes\nfrom pathlib import Path\nfrom core_scripts.generation import kernel_build\n"
            f"kernel_build.SOURCE = Path({str(kernel_build.SOURCE)!r})\n"
            f"assert kernel_build.load_kernel('baseline')[0].wavenet_version() == 1")
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(4)]
    for process in running:
        told = process.communicate()[1]
        assert process.returncode == 0, told
    assert sorted(path.suffix for path in cache.iterdir()) == [".sha256", ".so"]


def test_without_a_compiler_one_line_says_so(cache, monkeypatch):
    monkeypatch.setattr(kernel_build.shutil, "which", lambda name: None)
    with pytest.raises(KernelMissingError, match=r"there is no C\+\+ compiler .*; install g\+\+ or clang\+\+"):
        load_again()
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(KernelMissingError, match=r"\$CXX, icpx, is not there"):
        load_again()


@needs_compiler
def test_what_a_compiler_objects_to_is_told_in_one_line(cache):
    kernel_build.SOURCE.write_text("this is no program\n")
    with pytest.raises(KernelMissingError, match="baseline: .* fails: .*error:.*") as told:
        load_again()
    assert "\n" not in str(told.value)


@needs_compiler
def test_a_kernel_with_another_interface_is_not_used(cache):
    kernel_build.SOURCE.write_text(STUB.replace("1", "7"))
    with pytest.raises(KernelMissingError, match="version 7 of the interface, not 1"):
        load_again()


def test_an_unknown_variant_is_refused_with_the_nearest(cache):
    with pytest.raises(ConfigError, match="variant='avx521' is unknown; did you mean avx512"):
        load_again("avx521")


def test_a_variant_that_this_cpu_cannot_run_is_refused(cache, monkeypatch):
    monkeypatch.setattr(kernel_build, "cpu_abilities", lambda: frozenset({"avx2"}))
    with pytest.raises(ConfigError, match="variant='avx2' needs fma, which this CPU does not have.*or one of baseline"):
        load_again("avx2")


def test_the_fastest_variant_comes_first(monkeypatch):
    able = kernel_build.VARIANTS["avx512bf16"].needs | kernel_build.VARIANTS["avx2"].needs
    monkeypatch.setattr(kernel_build, "cpu_abilities", lambda: able | {"AuthenticAMD"})
    assert runnable_variants() == ["avx512bf16", "avx512", "avx2", "baseline"]
    monkeypatch.setattr(kernel_build, "cpu_abilities", lambda: able | {"GenuineIntel"})
    assert runnable_variants()[:2] == ["avx512", "avx512bf16"]


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.delenv("RECITAL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/recital/kernels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/recital/kernels"
