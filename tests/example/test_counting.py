from __future__ import annotations

import os
from pathlib import Path

import pytest

from example_project.census.counting import FileCount, count_source, find_sources

SOURCE = """\
import os, os.path
import json.decoder as decoder
from collections.abc import Iterator
from . import sibling
from .cousin import thing


class Outer:
    class Inner:
        def method(self):
            return lambda: None

    @property
    def decorated(self):
        def nested():
            return 1

        return nested


async def fetch(): return 1
"""


def count(tmp_path: Path, source: bytes) -> FileCount:
    path = tmp_path / "source.py"
    path.write_bytes(source)
    return count_source(path)


def test_a_file_is_counted(tmp_path: Path) -> None:
    assert count(tmp_path, SOURCE.encode()) == FileCount(
        lines=21,
        classes=2,
        functions=4,
        async_functions=1,
        longest_name="decorated",
        longest_line=14,
        longest_lines=5,
        imports=("collections", "json", "os"),
    )


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    found = count(tmp_path, b"")
    assert (found.lines, found.functions, found.longest_name, found.imports) == (0, 0, "", ())


@pytest.mark.parametrize(
    ("source", "lines"),
    [(b"x", 1), (b"x\n", 1), (b"x\n\n", 2), (b"x\r\ny\r\n", 2), (b"x = '\x0c'\n", 1)],
)
def test_lines_are_those_an_editor_shows(tmp_path: Path, source: bytes, lines: int) -> None:
    assert count(tmp_path, source).lines == lines


def test_the_first_of_the_longest_functions_is_named(tmp_path: Path) -> None:
    found = count(tmp_path, b"def one(): pass\ndef two(): pass\n")
    assert (found.longest_name, found.longest_line, found.longest_lines) == ("one", 1, 1)


def test_a_declared_encoding_is_read(tmp_path: Path) -> None:
    source = "# coding: latin-1\ndef größe(): pass\n".encode("latin-1")
    assert count(tmp_path, source).longest_name == "größe"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"def (", SyntaxError),
        (b"print 'two'\n", SyntaxError),
        (b"# coding: no-such-encoding\n", SyntaxError),
        (b"'\xe4'\n", SyntaxError),  # without a valid first line Python itself calls it that
        (b"\n\n\n'\xe4'\n", UnicodeDecodeError),
        (b"x = '\0'\n", (SyntaxError, ValueError)),
    ],
)
def test_what_is_no_python_of_this_version_raises(
    tmp_path: Path, source: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        count(tmp_path, source)


def test_what_the_parser_finds_odd_is_not_told(tmp_path: Path) -> None:
    assert count(tmp_path, b"x = '\\d'\n").lines == 1  # a warning would be an error here


def test_a_count_goes_through_json_unchanged(tmp_path: Path) -> None:
    found = count(tmp_path, SOURCE.encode())
    assert FileCount.from_dict(found.to_dict()) == found


def test_python_files_are_found_and_installed_or_hidden_ones_are_not(tmp_path: Path) -> None:
    wanted = ["b.py", "a/c.py", "a/d/e.py"]
    others = ["note.txt", "site-packages/f.py", "a/.hidden/g.py", "a/__pycache__/h.py", "i.pyc"]
    for path in map(tmp_path.joinpath, wanted + others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "directory.py").mkdir()
    (tmp_path / "dangling.py").symlink_to("nowhere")
    assert find_sources(tmp_path) == sorted(wanted)


def test_a_tree_that_is_gone_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_sources(tmp_path / "gone")


def test_a_name_that_is_no_text_is_found_as_one_that_can_be_stored(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).touch()
    assert find_sources(tmp_path) == ["caf\\xe9.py"]
