"""The test's end of a web process: what is called here happens there."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import ROOT

ANSWER_SECONDS = 120.0


class WebError(Exception):
    """What a view would have raised."""


class WebGoneError(Exception):
    """The web process ended before it answered."""


class Web:
    """A web process of the site, told what to do one thing after another."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.web"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def __getattr__(self, word: str) -> Any:
        return lambda *arguments: self.tell(word, *arguments)

    def tell(self, word: str, *arguments: Any) -> Any:
        """Have it done, and return what came of it; WebError if that raised."""
        self.say(word, *arguments)
        return self.answer()

    def say(self, word: str, *arguments: Any) -> None:
        """Have it done, without waiting for that."""
        self.process.stdin.write(json.dumps([word, arguments]).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Wait for what was said to be done; WebGoneError if the process has gone instead."""
        readable, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise WebGoneError
        reply = json.loads(line)
        if "error" in reply:
            raise WebError(reply["error"])
        return reply["answer"]

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self._log.close()
