"""A fork server of the runner's own."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import util
from multiprocessing import forkserver, popen_forkserver, process, spawn
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from .launcher import BaseLauncher
from .shield import close_in_forks, signals_held_back

logger = logging.getLogger(__name__)
ALWAYS_PRELOADED = ("concurrent.futures.process", "flowrra_django.runners.child")


class ForkServerLauncher(BaseLauncher):
    """Forks children from a server process that has imported `preload` already: 5 to 10 ms.

    The server is not the standard library's, which there is once per interpreter. To share that
    would give our signal mask to the children of anyone else who uses it in this process (their
    `terminate()` would do nothing), and whose modules it preloads would depend on who came first.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._preload = [*ALWAYS_PRELOADED, *preload]
        self._has_reported = False
        self._popen = _copy_of_popen_module()
        self.context = ForkServerContext()
        self.context.Process = partial(  # type: ignore[misc, assignment]
            _ForkedProcess, self._popen.Popen
        )
        self._use_new_server()

    @contextmanager
    def launching(self) -> Iterator[None]:
        with self._lock, signals_held_back():
            if self.generation and not self._is_alive():
                logger.warning("The fork server of the CPU children has died. Starting another.")
                self._forget()
            yield

    @property
    def generation(self) -> int:
        return self._server.pid

    def has_lost(self, generation: int) -> bool:
        for _ in range(20):  # a dying process closes its pipes a moment before it can be seen dead
            with self._lock:
                if generation != self.generation or not self._is_alive():
                    return True
            time.sleep(0.005)
        return False

    def report_not_preloaded(self, modules: Sequence[str]) -> None:
        if modules and not self._has_reported:
            self._has_reported = True
            logger.warning(
                "%s could not be preloaded: each CPU child imports it anew and starts slowly. "
                "Put its directory on PYTHONPATH, or start the process there.",
                ", ".join(modules),
            )

    def stop(self) -> None:
        with self._lock:
            if self._is_alive():
                # It would end by itself, but not while a fork that a job left holds its pipe open.
                os.kill(self.generation, signal.SIGKILL)
            self._forget()

    def _is_alive(self) -> bool:
        if not self.generation:
            return False
        try:
            return os.waitpid(self.generation, os.WNOHANG)[0] == 0
        except ChildProcessError:  # somebody has waited for it already
            return False

    def _forget(self) -> None:
        with suppress(ChildProcessError):
            self._server.stop()
        self._use_new_server()

    def _use_new_server(self) -> None:
        self._server = _Server()
        self._server.set_forkserver_preload(self._preload)
        self._popen.forkserver = self._server  # type: ignore[attr-defined]
        close_in_forks(self._server)


class _Server(forkserver.ForkServer):
    """Stands where the copy of `popen_forkserver` expects the module `forkserver`."""

    _forkserver_pid: int | None
    _forkserver_alive_fd: int | None
    read_signed = staticmethod(forkserver.read_signed)

    @property
    def pid(self) -> int:
        """0 before the first child is started."""
        return self._forkserver_pid or 0

    def stop(self) -> None:
        """Tell it to end, and wait until it has."""
        self._stop()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Let go of it, in a fork of its owner: it lives until all have let go."""
        if self._forkserver_alive_fd is not None:
            os.close(self._forkserver_alive_fd)
            self._forkserver_alive_fd = None


class _ForkedProcess(ForkServerProcess):
    """A process of a server of our own."""

    def __init__(self, popen: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._popen_class = popen

    def _Popen(self, process_obj: Any) -> Any:  # type: ignore[override]  # noqa: N802
        return self._popen_class(process_obj)

    def start(self) -> None:
        super().start()
        # Its exit code can be read once. Left in this set, it would be polled by every other
        # process that anyone starts here, beside the pool's own thread.
        process._children.discard(self)  # type: ignore[attr-defined]  # noqa: SLF001

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_popen_class"}


def _copy_of_popen_module() -> ModuleType:
    """Load `multiprocessing.popen_forkserver` again: which server it uses is a global of it."""
    spec = util.find_spec("multiprocessing.popen_forkserver")
    if spec is None or spec.loader is None:
        raise ImportError("multiprocessing.popen_forkserver is missing from this Python.")
    copy = util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    # The one class of it that is pickled by name has to be the one found under that name.
    copy.Popen.DupFd = popen_forkserver.Popen.DupFd
    copy.spawn = SimpleNamespace(get_preparation_data=_preparation_data)  # type: ignore[attr-defined]
    return copy


def _preparation_data(name: str) -> dict[str, Any]:
    """Spare children the search for a main program that is no file, `<stdin>` for one."""
    data = spawn.get_preparation_data(name)
    if not Path(data.get("init_main_from_path", "")).is_file():
        data.pop("init_main_from_path", None)
    return data
