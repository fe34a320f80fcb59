"""The texts of scripts: each file, and before it the files that it builds upon."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files


def read_scripts(package: str, names: Iterable[str], *shared: str) -> dict[str, str]:
    """Return the scripts of a folder by name, each after `common.lua` and the shared files."""
    before = [_text(__package__, "common"), *(_text(package, name) for name in shared)]
    return {name: "\n".join([*before, _text(package, name)]) for name in names}


def _text(package: str, name: str) -> str:
    return files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
