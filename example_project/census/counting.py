"""Finding Python files, and counting what is in one. Knows neither Django nor jobs."""

from __future__ import annotations

import ast
import os
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

SKIPPED = frozenset({"site-packages", "dist-packages", "__pycache__"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCount:
    """What one file holds. Functions include methods, nested and async ones, but no lambdas.

    The longest function is the first of that length, from its `def` to its last line; without
    any, its name is "" and its numbers are 0. `imports` names the top-level modules, sorted.
    """

    lines: int
    classes: int
    functions: int
    async_functions: int
    longest_name: str
    longest_line: int
    longest_lines: int
    imports: tuple[str, ...]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` returned, when it has been through JSON."""
        return cls(**{**values, "imports": tuple(values["imports"])})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**asdict(self), "imports": list(self.imports)}


def find_sources(root: Path) -> list[str]:
    """Return the Python files under `root`, as sorted paths relative to it.

    Installed packages and hidden directories are left out. A path that is no valid text is
    returned with escapes: it will not be found, and that will be said. Raises OSError for a
    directory that cannot be read.
    """
    found = (path.relative_to(root) for path in _walk(root))
    return sorted(os.fsencode(path).decode("utf-8", "backslashreplace") for path in found)


def count_source(path: Path) -> FileCount:
    """Parse a file and count.

    Raises SyntaxError for what is no Python of this version, UnicodeDecodeError for bytes that
    are not in the encoding the file declares, or in UTF-8 if it declares none.
    """
    with tokenize.open(path) as file:
        source = file.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the parser finds odd is not for us to tell
        tree = ast.parse(source, filename=str(path))
    return count_tree(tree, lines=_lines(source))


def count_tree(tree: ast.AST, *, lines: int) -> FileCount:
    """Count what is in the tree of a file of so many lines."""
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    longest = max(functions, key=_length, default=None)
    return FileCount(
        lines=lines,
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        functions=len(functions),
        async_functions=sum(isinstance(node, ast.AsyncFunctionDef) for node in functions),
        longest_name=longest.name if longest else "",
        longest_line=longest.lineno if longest else 0,
        longest_lines=_length(longest) if longest else 0,
        imports=tuple(sorted({name for node in nodes for name in _imported(node)})),
    )


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root, onerror=_refuse):
        names[:] = [name for name in names if name not in SKIPPED and not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if name.endswith(".py") and path.is_file():
                yield path


def _refuse(error: OSError) -> None:
    raise error


def _lines(source: str) -> int:
    return source.count("\n") + (not source.endswith("\n") and source != "")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _imported(node: ast.AST) -> list[str]:
    """Return the top-level modules that a statement imports by an absolute name."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.partition(".")[0]]
    return []
