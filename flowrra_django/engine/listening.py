"""A listener that is there while somebody needs it."""

from __future__ import annotations

from collections.abc import Callable

from ..backends.listening import Listener


class Listening:
    """Opens a listener when it is first asked for, and another when that has ended.

    `listen` gives one, or None where nothing can be heard.
    """

    def __init__(self, listen: Callable[[], Listener | None]) -> None:
        self._listen = listen
        self.listener: Listener | None = None

    def is_on(self) -> bool:
        """Whether something is heard from now on."""
        if self.listener is None or not self.listener.is_alive():  # as after a fork
            self.listener = self._listen()
        return self.listener is not None

    def close(self) -> None:
        """Listen no longer, until the next question."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.close()
