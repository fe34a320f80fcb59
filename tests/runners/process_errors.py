"""What does not get from a child to its parent whole, and functions that try."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any


class HardToRebuildError(Exception):
    """Can be pickled; but its constructor wants more than pickle gives it."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"because of {reason}")


class HoldsLockError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class HoldsLockExit(BaseException):
    """Cannot be pickled either, and is no `Exception`."""

    def __init__(self) -> None:
        super().__init__("locked out")
        self.lock = threading.Lock()


class HostileError(Exception):
    """Ends the process that rebuilds it."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


class ChildOnlyError(Exception):
    """Can be rebuilt in the process that raised it only."""

    def __reduce__(self) -> Any:
        return rebuild_here, (os.getpid(),)


def rebuild_here(process_id: int) -> ChildOnlyError:
    if os.getpid() != process_id:
        raise RuntimeError("wrong process")
    return ChildOnlyError("child only")


def raise_hard_to_rebuild() -> None:
    raise HardToRebuildError(reason="rain")


def raise_holding_lock() -> None:
    raise HoldsLockError


def raise_exit_holding_lock() -> None:
    raise HoldsLockExit


def raise_hostile() -> None:
    raise HostileError("hostile")


def raise_child_only() -> None:
    raise ChildOnlyError("child only")


def return_lock() -> Any:
    return threading.Lock()


def return_child_only() -> Any:
    return ChildOnlyError()


class ParentEnder:
    """Would end any process but the one that made it."""

    def __reduce__(self) -> Any:
        return end_parent, (os.getpid(),)


def end_parent(process_id: int) -> None:
    if os.getpid() != process_id:
        sys.exit("this was the parent")


def return_parent_ender() -> Any:
    return ParentEnder()
