"""What the layers above lend the executors of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .events import OnEvent

if TYPE_CHECKING:  # a site that only enqueues has no use for what runs jobs
    from ..runners.base import Surround
    from ..runners.coroutine import AsyncSurround, CallSync


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What is done around jobs; by default nothing.

    `initializer` is called once in each child process, which has imported the modules `preload`;
    `surround_child`, or what is at that dotted path, makes what is entered around each job there.
    `on_event` is told on the event loop what happens to jobs, and is not to wait.
    """

    surround_coroutine: AsyncSurround = nullcontext
    surround_thread: Surround = nullcontext
    surround_child: Surround | str = nullcontext
    call_sync: CallSync = asyncio.to_thread
    initializer: Callable[[], object] | None = None
    preload: tuple[str, ...] = ()
    on_event: OnEvent | None = None


NO_HOOKS = Hooks()
