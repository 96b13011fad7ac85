"""Recording from Python, where rights allow."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from systape._capture import IncompleteWarning, events
from systape._program import SystapeError, SystapeWarning, message_of, program
from systape._results import calls
from systape._table import Table


def record(
    command: Sequence[str] | None = None,
    *,
    output: str | os.PathLike[str],
    pid: int | Sequence[int] | None = None,
    follow: bool = False,
    everything: bool = False,
    trace: str | None = None,
    options: Sequence[str] = (),
) -> Recording:
    """Records while a block runs; needs root, or CAP_BPF and CAP_PERFMON, on Linux.

    >>> with systape.record(pid=os.getpid(), output="me.parquet") as r:   # doctest: +SKIP
    ...     work()
    >>> r.calls().to_pandas()                                              # doctest: +SKIP

    ``command`` is run and recorded; the block's end waits for it. Otherwise
    ``pid`` names processes, with ``follow`` their descendants too, or
    ``everything`` the whole system, and the recording ends with the block.
    ``trace`` chooses calls, as ``-e``; ``options`` are flags of ``systape
    record``. The block begins when recording has begun. Raises `SystapeError`
    with the program's reason if it cannot.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("recording needs Linux")
    args = ["record", "-q", "-o", os.fspath(output), *options]
    if pid is not None:
        args += ["-p", ",".join(map(str, [pid] if isinstance(pid, int) else pid))]
    if follow:
        args.append("-f")
    if everything:
        args.append("-a")
    if trace is not None:
        args += ["-e", trace]
    if command is not None:
        args += ["--", *command]
    return Recording(args, os.fspath(output), command is not None)


class Recording:
    """A recording: a context manager, see `record`.

    ``path`` is the capture. `events` and `calls` may be asked while it runs,
    for what there is so far, and afterwards. ``returncode`` is the command's.
    """

    def __init__(self, args: list[str], path: str, has_command: bool) -> None:
        self.path = path
        self.returncode: int | None = None
        self._args = args
        self._has_command = has_command
        self._told = tempfile.TemporaryFile()
        self._run: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Recording:
        with tempfile.TemporaryDirectory() as folder:
            # The program says READY=1 there when its probes are attached (sd_notify).
            where = os.path.join(folder, "ready")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
                ready.bind(where)
                ready.settimeout(0.1)
                stderr = None if self._has_command else self._told
                self._run = subprocess.Popen([program(), *self._args], env={**os.environ, "NOTIFY_SOCKET": where}, stderr=stderr)
                while self._run.poll() is None:
                    try:
                        if b"READY=1" in ready.recv(4096):
                            return self
                    except TimeoutError:
                        pass
        if not self._has_command or self._run.returncode == 125:
            self._finish()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._run is None or self.returncode is not None:
            return
        if self._run.poll() is None and (kind is not None or not self._has_command):
            self._run.send_signal(signal.SIGINT)
        self._run.wait()
        self._finish()

    def _finish(self) -> None:
        assert self._run is not None
        self.returncode = self._run.returncode
        self._told.seek(0)
        error, hint, _ = message_of(self._told.read().decode("utf-8", "replace"))
        self._told.close()
        if self.returncode == 125 or self.returncode != 0 and not self._has_command:
            raise SystapeError(error or f"recording failed with {self.returncode}", self.returncode, hint)

    def events(self, columns: Sequence[str] | None = None) -> Table:
        """The rows so far, as `systape.events`."""
        with self._so_far():
            return events(self.path, columns)

    def calls(self, **filters: Any) -> Table:
        """The calls so far, as `systape.calls`."""
        with self._so_far():
            return calls(self.path, **filters)

    @contextmanager
    def _so_far(self) -> Iterator[None]:
        """That a recording goes on is no news to who asks what there is so far."""
        with warnings.catch_warnings():
            if self.returncode is None:
                warnings.filterwarnings("ignore", "(?s).*(the recording still goes on|does not exist yet; reading)", SystapeWarning)
                warnings.simplefilter("ignore", IncompleteWarning)
            yield
