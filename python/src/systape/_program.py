"""Asking the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Union

import pyarrow as pa

Path = Union[str, "os.PathLike[str]"]
Paths = Union[Path, Sequence[Path]]


class SystapeError(RuntimeError):
    """What the program could not do: its message, its exit code, and its hint.

    ``code`` is 1 if it failed, 2 for a question that makes no sense, 3 for a
    damaged capture, 4 where rights are missing.
    """

    def __init__(self, message: str, code: int, hint: str = "") -> None:
        super().__init__(message + (f" (hint: {hint})" if hint else ""))
        self.code = code
        self.hint = hint


class SystapeWarning(UserWarning):
    """What the program warns of."""


def program() -> str:
    """The path of the program: what SYSTAPE names, what the wheel brought, or
    what is on the path. Raises `FileNotFoundError` if there is none."""
    named = os.environ.get("SYSTAPE")
    if named:
        return named
    name = "systape.exe" if os.name == "nt" else "systape"
    for scheme in (None, "posix_user", "nt_user"):
        try:
            folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        except KeyError:
            continue
        if folder and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError("no systape program: install a wheel that brings it, or set SYSTAPE to its path")
    return found


def paths_of(paths: Paths) -> list[str]:
    """The paths as the program takes them."""
    if not isinstance(paths, (str, os.PathLike, Iterable)):
        raise TypeError(f"a capture is a path or a list of paths, not {type(paths).__name__}")
    several = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)
    if not several:
        raise ValueError("no capture given")
    for p in several:
        if not isinstance(p, (str, bytes, os.PathLike)):
            raise TypeError(f"a capture is a path or a list of paths, not a list of {type(p).__name__}")
    texts = [os.fsdecode(p) for p in several]
    # What begins with a dash is a path here, never a flag.
    return [os.path.join(os.curdir, t) if t.startswith("-") else t for t in texts]


FLAGS = {
    "pid": "pid", "tid": "tid", "comm": "comm", "container": "container", "syscall": "syscall", "status": "status", "errno": "errno",
    "start": "from", "end": "to", "min_duration": "min-duration", "path_glob": "path", "fd_type": "fd-type", "node": "node",
}


def filter_flags(filters: dict[str, Any]) -> list[str]:
    """The command line's flags for the filters."""
    out = []
    for name, value in filters.items():
        if name not in FLAGS:
            raise TypeError(f"unknown filter {name!r}; there are {', '.join(FLAGS)}")
        if value is None:
            continue
        values = [value] if isinstance(value, (str, int, float)) else list(value)
        if name == "syscall":
            values = [",".join(map(str, values))]  # one expression
        out += [f"--{FLAGS[name]}={v}" for v in values]
    return out


def message_of(stderr: str) -> tuple[str, str, list[str]]:
    """The error, the hint and the warnings in what the program told."""
    error, hint, told = "", "", []
    for line in stderr.splitlines():
        if line.startswith("systape: warning: "):
            told.append(line.removeprefix("systape: warning: "))
        elif line.startswith("systape: "):
            error = line.removeprefix("systape: ")
        elif line.startswith("hint: "):
            hint = line.removeprefix("hint: ")
    return error, hint, told


def check(args: Sequence[str], code: int, stderr: str) -> None:
    """Raises what the program reports as an error, and passes its warnings on."""
    error, hint, told = message_of(stderr)
    for line in told:
        warnings.warn(line, SystapeWarning, stacklevel=4)
    # With 3 and a result, damaged files of a folder were left out, which was warned of.
    if code != 0 and not (code == 3 and not error):
        raise SystapeError(error or f"systape {args[0]} ended with {code}: {stderr.strip()}", code, hint)


def ask_text(args: Sequence[str]) -> tuple[str, str]:
    """What the program prints, and what it tells beside."""
    done = subprocess.run([program(), *args], capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", stdin=subprocess.DEVNULL)
    check(args, done.returncode, done.stderr)
    return done.stdout, done.stderr


def ask_arrow(args: Sequence[str]) -> tuple[Any, str]:
    """The table that the program writes as an Arrow stream, and what it tells
    beside. The rows never touch the disk."""
    with tempfile.TemporaryFile() as told:
        with subprocess.Popen([program(), *args], stdout=subprocess.PIPE, stderr=told, stdin=subprocess.DEVNULL) as run:
            table, broken = None, None
            try:
                table = pa.ipc.open_stream(run.stdout).read_all()
            except pa.ArrowInvalid as err:  # the program says why
                broken = err
            if run.stdout:
                run.stdout.close()
            code = run.wait()
        told.seek(0)
        stderr = told.read().decode("utf-8", "replace")
    check(args, code, stderr)
    if broken:
        raise broken
    return table, stderr
