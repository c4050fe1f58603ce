"""The native kernel: compiled at first use by the system's C++ compiler, and kept in a cache of the user's own.

A library is loaded only if the folder and the file belong to this user and nobody else may write there, and if its
bytes are those that its digest, a small file beside it, was made of; else it is built again. Where nothing can be
kept (a full disk, a home that is read-only) it is built in a temporary folder, for this process alone.
"""
import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core_scripts import log
from core_scripts.errors import ConfigError, did_you_mean
from core_scripts.files import write_whole

AUTO = "auto"
SOURCE = Path(__file__).with_name("wavenet_kernel.cpp")
ABI_VERSION = 1  # of wavenet_kernel.cpp and native.py together
COMPILERS = ("g++", "c++", "clang++")
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-s")
_COMPILE_SECONDS = 300  # a busy machine takes its time; a compiler that hangs is told of
# Its dot product of bf16 makes half as many products as fp32 has (Sapphire Rapids, measured), AMD's twice as many.
_INTEL = "GenuineIntel"
_lock = threading.Lock()


@dataclass(frozen=True)
class Variant:
    """A build for some instructions; `needs` are words of the CPU's own list."""

    name: str
    flags: tuple[str, ...]
    needs: frozenset[str]


_AVX512 = ("f", "bw", "dq", "vl")
_AVX512_FLAGS = ("-mfma", *(f"-mavx512{part}" for part in _AVX512))
_AVX512_NEEDS = frozenset({"fma", *(f"avx512{part}" for part in _AVX512)})
VARIANTS = {variant.name: variant for variant in (  # `baseline` has what every CPU of its kind has
    Variant("avx512bf16", (*_AVX512_FLAGS, "-mavx512bf16"), _AVX512_NEEDS | {"avx512_bf16"}),
    Variant("avx512", _AVX512_FLAGS, _AVX512_NEEDS),
    Variant("avx2", ("-mavx2", "-mfma"), frozenset({"avx2", "fma"})),
    Variant("baseline", (), frozenset()),
)}  # fmt: skip


class KernelMissingError(ConfigError):
    """There is no native kernel here; the message is one line that says why."""


@cache
def load_kernel(variant: str = AUTO) -> tuple[ctypes.CDLL, str]:
    """The kernel and the name of its variant: that one, or the fastest that this CPU runs and that can be built.

    Raises: ConfigError if the variant is unknown or this CPU cannot run it; KernelMissingError.
    """
    if variant != AUTO:
        _check_variant(variant)
    with _lock:
        compiler, reasons = _find_compiler(), []
        for name in [variant] if variant != AUTO else runnable_variants():
            try:
                return _load(VARIANTS[name], compiler), name
            except (KernelMissingError, OSError, subprocess.TimeoutExpired) as fault:
                reasons.append(f"{name}: {fault}")
        raise KernelMissingError(f"the native kernel cannot be built ({'; '.join(reasons)})")


def runnable_variants() -> list[str]:
    """Those that this CPU runs, the fastest first."""
    able = cpu_abilities()
    names = [variant.name for variant in VARIANTS.values() if variant.needs <= able]
    if _INTEL in able and names[:1] == ["avx512bf16"]:
        names[:2] = names[1::-1]
    return names


@cache
def cpu_abilities() -> frozenset[str]:
    """Words for the maker and for groups of instructions, as Linux has them; elsewhere what PyTorch found."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        import torch

        found = torch.backends.cpu.get_cpu_capability()
        avx2 = frozenset({"avx2", "fma"})
        return {"AVX512": avx2 | _AVX512_NEEDS, "AVX2": avx2}.get(found, frozenset())
    words = dict(line.split("\t", 1) for line in reversed(lines) if "\t" in line)
    return frozenset(" ".join(words.get(key, "") for key in ("vendor_id", "flags", "Features")).split())


def cache_folder() -> Path:
    """Where built kernels are kept: RECITAL_CACHE, or `recital` in the user's cache folder."""
    own = os.environ.get("RECITAL_CACHE")
    place = Path(own or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/recital") / "kernels"
    try:
        return place.expanduser()
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / f"recital-{os.getuid()}" / "kernels"


def _check_variant(name: str) -> None:
    if name not in VARIANTS:
        raise ConfigError(f"variant={name!r} is unknown{did_you_mean(name, VARIANTS)} (there are {AUTO}, "
                          f"{', '.join(VARIANTS)})")
    lacking = VARIANTS[name].needs - cpu_abilities()
    if lacking:
        raise ConfigError(f"variant={name!r} needs {', '.join(sorted(lacking))}, which this CPU does not have; take "
                          f"variant={AUTO} or one of {', '.join(runnable_variants())}")


def _find_compiler() -> str:
    asked = os.environ.get("CXX")
    found = next(filter(None, map(shutil.which, [asked] if asked else COMPILERS)), None)
    if found is None:
        what = f"$CXX, {asked}, is not there" if asked else f"there is no C++ compiler ({', '.join(COMPILERS)})"
        raise KernelMissingError(f"{what}; install g++ or clang++ for fast generation")
    return found


def _load(variant: Variant, compiler: str) -> ctypes.CDLL:
    """From the cache, or built. Raises: KernelMissingError if it does not compile, OSError if it cannot be kept."""
    folder = cache_folder()
    is_safe = _prepare_folder(folder)
    path = folder / f"wavenet-{variant.name}-{_key(variant, compiler)}.so"
    if is_safe and _is_whole(path):
        try:
            return _open(path)
        except OSError as fault:  # such as a disk from which nothing may be run
            log.note(f"{path} cannot be loaded ({fault}): it is built again for this process")
    with tempfile.TemporaryDirectory(prefix="recital-") as place:
        built = Path(place) / path.name
        log.note(f"building the native kernel ({variant.name}), once for this machine")
        _compile(variant, compiler, built)
        is_kept = is_safe and _keep(path, built.read_bytes())
        try:
            return _open(built)  # it stays loaded when its file is gone
        except OSError:  # a folder for temporary files from which nothing may be run
            if not is_kept:
                raise
        return _open(path)


def _key(variant: Variant, compiler: str) -> str:
    """Changes with the source, the flags, the compiler and the CPU."""
    version = subprocess.run([compiler, "--version"], capture_output=True, timeout=_COMPILE_SECONDS, check=False)
    parts = [SOURCE.read_bytes(), " ".join((*_FLAGS, *variant.flags)).encode(), os.fsencode(compiler), version.stdout,
             platform.machine().encode(), " ".join(sorted(cpu_abilities())).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _prepare_folder(folder: Path) -> bool:
    """Whether libraries may be loaded from there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        log.note(f"no kernel can be kept in {folder} ({fault.strerror}): it is built for this process alone; "
                 f"RECITAL_CACHE names another folder")
        return False
    if _is_own(folder):
        return True
    log.warn(f"{folder} belongs to another user, or others may write there: nothing is loaded from it, and the kernel "
             f"is built for this process alone; chmod 700 it, or set RECITAL_CACHE to a folder of your own")
    return False


def _is_own(path: Path) -> bool:
    status = path.lstat()
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_whole(path: Path) -> bool:
    """Whether the file is there, ours, and as its digest says; a damaged one is told of."""
    try:
        data, described = path.read_bytes(), _digest_path(path).read_bytes()
    except FileNotFoundError:
        return False
    except OSError as fault:
        log.note(f"{path} cannot be read ({fault.strerror}): it is built again")
        return False
    if _is_own(path) and described == _describe(data):
        return True
    log.note(f"{path} is damaged or not yours: it is built again")
    return False


def _describe(data: bytes) -> bytes:
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode()


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _keep(path: Path, data: bytes) -> bool:
    """Whether it could be. Several processes may do so at once: each renames whole files into place, of the same bytes.
    """
    try:
        write_whole(path, data, (_digest_path(path), _describe(data)), durable=False)
        path.chmod(0o700)
    except OSError as fault:
        log.note(f"the native kernel cannot be kept in {path.parent} ({fault.strerror}): it is built anew each time; "
                 f"RECITAL_CACHE names another folder")
        return False
    return True


def _compile(variant: Variant, compiler: str, target: Path) -> None:
    command = [compiler, *_FLAGS, *variant.flags, str(SOURCE), "-o", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              env=os.environ | {"LC_ALL": "C"}, timeout=_COMPILE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise KernelMissingError(f"{compiler} cannot be run: {fault}") from None
    if done.returncode:
        first = next(_errors(done.stderr), f"exit code {done.returncode}")
        raise KernelMissingError(f"{compiler} fails: {first}")


def _errors(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if "error" in line)


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.wavenet_version.restype = ctypes.c_int32
    found = library.wavenet_version()
    if found != ABI_VERSION:
        raise KernelMissingError(f"{path} has version {found} of the interface, not {ABI_VERSION}")
    return library
