"""The pages of the documentation, and the code blocks in them.

An HTML comment above a block says what it is: `file: PATH` of a project that is built from the page
(`append: PATH` adds to it), `script: NAME` of a program whose output the next block shows,
`settings` (with the id of the check that it brings) for FLOWRRA, `worker` if one has run the jobs,
`before` for code of another package's.
"""

from __future__ import annotations

import re
import shlex
from argparse import SUPPRESS
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.support import ROOT

DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(ROOT)): path for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
}
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<role>[^\n]*) -->\n)?^(?P<indent> *)```(?P<kind>\S*)\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
STARTS = (["python", "manage.py"], ["django-admin"])

# The README is short, and its blocks have no comments: the text of its steps says where they go.
README_STEPS = (
    "append: mysite/settings.py",
    "file: shop/tasks.py",
    "file: shop/views.py",
    "file: mysite/urls.py",
)


class Block(NamedTuple):
    page: str
    number: int
    role: str
    kind: str
    code: str

    @property
    def verb(self) -> str:
        return self.role.partition(":")[0]

    @property
    def subject(self) -> str:
        return self.role.partition(":")[2].strip()

    @property
    def lines(self) -> list[str]:
        return self.code.splitlines()


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, without what they are indented by in a list."""
    steps = iter(README_STEPS if page == "README.md" else ())
    for number, match in enumerate(BLOCK.finditer(PAGES[page].read_text()), 1):
        is_step = page == "README.md" and match["kind"] == "python"
        role = next(steps) if is_step else match["role"] or ""
        lines = match["code"].splitlines(keepends=True)
        code = "".join(line.removeprefix(match["indent"]) for line in lines)
        yield Block(page, number, role, match["kind"], code)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def anchors(page: Path) -> set[str]:
    """Return what can stand after the # of a link to the page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def django_words(command: list[str]) -> list[str] | None:
    """Return what a command line gives to Django; None if it is no command of Django's."""
    words = [Path(word).name if word.endswith("python") else word for word in command]
    for start in STARTS:
        if words[: len(start)] == start:
            return words[len(start) :]
    return None


def check_command(command: str | list[str]) -> None:
    """Have Django's own parser read it: fails for a command or an option that does not exist."""
    words = shlex.split(command) if isinstance(command, str) else command
    given = django_words(words)
    assert given, f"no command of Django's: {words}"
    name, *options = given
    parser = command_class(name).create_parser("manage.py", name)
    parser.parse_args(options)


def command_class(name: str) -> BaseCommand:
    app = get_commands()[name]
    return app if isinstance(app, BaseCommand) else load_command_class(app, name)


def options_of(name: str) -> list[str]:
    """Return the options that a command shows beside those of every command."""
    common = BaseCommand().create_parser("manage.py", name)._option_string_actions
    own = command_class(name).create_parser("manage.py", name)._option_string_actions
    shown = {option for option, action in own.items() if action.help != SUPPRESS}
    return sorted(shown - common.keys())
