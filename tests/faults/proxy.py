"""A cable between the site and a server, which a test can cut, and on which replies get lost."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 65_536
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Pipe:
    """One direction of a connection: what is read here is written there."""

    source: socket.socket
    target: socket.socket
    is_reply: bool


class Proxy:
    """Passes on what comes to `port`, on one thread; see `cut` and `lose_replies`."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._lock = threading.Lock()
        self._pipes = selectors.DefaultSelector()
        self._is_cut = self._is_over = False
        self._lost_every = self._replies = 0
        self._thread = threading.Thread(target=self._work, name="proxy", daemon=True)
        self._door.settimeout(LOOK_SECONDS)
        self._porter = threading.Thread(target=self._let_in, name="proxy-door", daemon=True)
        self._thread.start()
        self._porter.start()

    def cut(self) -> None:
        """End every connection, and let nobody in until `mend`."""
        with self._lock:
            self._is_cut = True
            self._close_all()

    def mend(self) -> None:
        self._is_cut = False

    def lose_replies(self, every: int) -> None:
        """Of every so many replies lose one, and its connection: the server has done its part.

        0 to lose none any more.
        """
        self._lost_every = every

    def close(self) -> None:
        self._is_over = True
        self._porter.join()
        self._thread.join()
        self._door.close()
        self._close_all()
        self._pipes.close()

    def _let_in(self) -> None:
        while not self._is_over:
            with suppress(OSError):
                client, _ = self._door.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server, timeout=5)
        except OSError:
            client.close()
            return
        with self._lock:
            if self._is_cut:
                client.close()
                server.close()
                return
            for source, target, is_reply in ((client, server, False), (server, client, True)):
                source.setblocking(True)
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pipe = _Pipe(source, target, is_reply)
                self._pipes.register(source, selectors.EVENT_READ, pipe)

    def _work(self) -> None:
        while not self._is_over:
            if not self._pipes.get_map():
                time.sleep(0.001)
                continue
            for key, _ in self._pipes.select(LOOK_SECONDS):
                with self._lock:
                    if key.fd in self._pipes.get_map():
                        self._pass_on(key.data)

    def _pass_on(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(CHUNK)
            if not data or (pipe.is_reply and self._loses()):
                self._close(pipe)
            else:
                pipe.target.sendall(data)
        except OSError:
            self._close(pipe)

    def _loses(self) -> bool:
        if not self._lost_every:
            return False
        self._replies += 1
        return self._replies % self._lost_every == 0

    def _close(self, pipe: _Pipe) -> None:
        for end in (pipe.source, pipe.target):
            with suppress(KeyError, ValueError):
                self._pipes.unregister(end)
            end.close()

    def _close_all(self) -> None:
        for key in list(self._pipes.get_map().values()):
            self._close(key.data)
