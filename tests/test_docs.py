"""Every code block of README.md and docs/ is run, or at least read by what it is meant for."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
import shlex
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from itertools import pairwise
from logging.config import dictConfig
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import yaml
from asgiref.sync import async_to_sync
from django.template import Context, Template

from flowrra_django import Config, runtime
from flowrra_django.checks import SQLITE_OPTIONS, check_layer, check_settings
from flowrra_django.config import ExecutorConfig
from flowrra_django.testing import run_jobs
from tests.newproject import apply, run, visit_and_work
from tests.pages import (
    BLOCKS,
    PAGES,
    Block,
    blocks_of,
    check_command,
    django_words,
)
from tests.settings import HAS_TASKS
from tests.support import ROOT
from tests.testapp.tasks import add

STOP_MARGIN = 10  # seconds that a worker may take beside its stop_timeout
ROLES = {
    "python": {"", "append", "before", "file", "script", "settings", "worker"},
    **{kind: {""} for kind in ("sh", "ini", "dockerfile", "yaml", "html", "text")},
}
BUILT = {"README.md", "docs/quickstart.md", "docs/howto/testing.md"}  # have projects made of them
PROGRAMS = {"pip", "pytest", "uv", "python3", "sudo", "journalctl"}  # beside Django's commands


def those(**wanted: str) -> Any:
    """Parametrize a test with the blocks that are as described."""
    chosen = [b for b in BLOCKS if all(getattr(b, name) == value for name, value in wanted.items())]
    assert chosen, f"no block is {wanted}"
    return pytest.mark.parametrize("block", chosen, ids=[f"{b.page}-{b.number}" for b in chosen])


# What there is


def test_every_block_is_of_a_kind_and_a_role_that_a_test_knows():
    assert [b for b in BLOCKS if b.verb not in ROLES.get(b.kind, ())] == []
    assert {b.page for b in BLOCKS if b.verb in {"file", "append"}} == BUILT


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_overlooked_and_no_page_is_long(page):
    lines = PAGES[page].read_text().splitlines()
    fences = [line for line in lines if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(list(blocks_of(page)))
    assert len(lines) < 120


# What is run


def is_plain_python(block: Block) -> bool:
    return block.kind == "python" and block.verb in {"", "worker"}


@pytest.fixture
def registered() -> Iterator[None]:
    """Forget the tasks that a page defined."""
    before = set(runtime.registry.list_tasks())
    yield
    for name in set(runtime.registry.list_tasks()) - before:
        runtime.registry.unregister(name)


@pytest.mark.urls("tests.live.site_urls")
@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if is_plain_python(b)}))
def test_the_python_of_a_page_runs_from_top_to_bottom(page, transactional_db, registered):
    if "from django.tasks" in PAGES[page].read_text() and not HAS_TASKS:
        pytest.skip("Django has tasks of its own since 6.0.")
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block in blocks_of(page):
        if block.verb == "worker":
            run_jobs(raise_errors=True)
        if is_plain_python(block):
            execute(block, namespace)
    run_jobs(scheduled=True, raise_errors=True)


def execute(block: Block, namespace: dict[str, Any]) -> None:
    """Run a block; what awaits at its top level is what stands in a coroutine."""
    place = f"{block.page}, block {block.number}"
    code = compile(
        block.code, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    function = FunctionType(code, namespace)
    call = async_to_sync(function) if code.co_flags & inspect.CO_COROUTINE else function
    call()


@those(verb="before")
def test_code_for_other_packages_can_be_read(block):
    ast.parse(block.code)


@those(verb="settings")
def test_settings_are_right_and_bring_the_check_that_is_named(block, settings):
    namespace: dict[str, Any] = {}
    execute(block, namespace)
    Config.from_mapping(namespace["FLOWRRA"])
    settings.FLOWRRA = namespace["FLOWRRA"]
    expected = block.subject.partition("(")[0].split()
    assert [message.id for message in check_settings()] == expected


def test_the_logging_that_is_shown_writes_a_line_for_each_job(transactional_db, capsys):
    (block,) = (b for b in blocks_of("docs/reference/commands.md") if "LOGGING" in b.code)
    namespace: dict[str, Any] = {}
    execute(block, namespace)
    with only_for_now(logging.getLogger("flowrra_django.jobs")):
        dictConfig(namespace["LOGGING"])
        job = add.enqueue(1, 2)
        run_jobs()
    assert f"INFO {add.name} {job.task_id} " in capsys.readouterr().err


@contextmanager
def only_for_now(logger: logging.Logger) -> Iterator[None]:
    """Leave a logger as it was."""
    level, handlers = logger.level, list(logger.handlers)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if "transaction_mode" in block.code], ids=lambda b: b.page
)
def test_the_options_for_sqlite_are_those_that_the_check_asks_for(block):
    wanted = {line.strip() for line in SQLITE_OPTIONS.splitlines()[1:-1]}
    assert wanted <= {line.strip() for line in block.lines}


@those(verb="script")
def test_a_script_prints_what_the_page_shows(block, tmp_path):
    shown = next(b for b in blocks_of(block.page) if b.number == block.number + 1)
    assert shown.kind == "text"
    (tmp_path / block.subject).write_text(block.code)
    assert run(tmp_path, sys.executable, block.subject) == shown.code


@those(kind="html")
@pytest.mark.urls("tests.live.site_urls")
def test_a_template_shows_a_job(block, transactional_db):
    page = Template(block.code).render(Context({"job": add.enqueue(1, 2)}))
    assert 'role="progressbar"' in page


def test_the_channel_layer_that_is_shown_passes_its_check(settings):
    (block,) = (b for b in blocks_of("docs/howto/live.md") if "CHANNEL_LAYERS" in b.code)
    namespace: dict[str, Any] = {}
    execute(block, namespace)
    settings.CHANNEL_LAYERS = namespace["CHANNEL_LAYERS"]
    assert check_layer() == []


def test_every_output_that_is_shown_follows_a_script():
    before = [b for b, after in pairwise(BLOCKS) if after.kind == "text"]
    assert [b.verb for b in before] == ["script"] * len([b for b in BLOCKS if b.kind == "text"])


# A project that is built from a page


def start_project(page: str, folder: Path) -> None:
    """Type what the page's first block about Django's commands says."""
    first = next(b for b in blocks_of(page) if "startproject" in b.code)
    for words in map(shlex.split, first.lines):
        if django_words(words):
            run(folder, *words)


def test_the_steps_of_the_readme_lead_to_a_result(tmp_path):
    start_project("README.md", tmp_path)
    apply("README.md", tmp_path)
    assert visit_and_work(tmp_path) == ["success", "Hello, Ada!", ["Ada"]]


def test_the_quickstart_leads_to_a_result_and_its_tests_pass(tmp_path):
    start_project("docs/quickstart.md", tmp_path)
    apply("docs/quickstart.md", tmp_path)
    assert visit_and_work(tmp_path) == ["success", "Hello, Ada!", ["Ada"]]
    apply("docs/howto/testing.md", tmp_path)
    run(tmp_path, sys.executable, "-W", "error", "manage.py", "test")
    plugins = ["-p", "django", "-p", "flowrra_django.pytest_plugin", "-p", "no:cacheprovider"]
    assert "1 passed" in run(tmp_path, "pytest", "-q", *plugins, "--ds=mysite.settings")


# What is read by those it is meant for


@those(kind="sh")
def test_every_command_and_its_options_exist(block):
    commands = [part for line in block.lines for part in line.split(" && ")]
    for words in map(shlex.split, filter(None, commands)):
        if "census" in words:  # of the example, which is no app of the tests' settings
            assert (ROOT / "example_project/census/management/commands/census.py").exists()
        elif django_words(words):
            check_command(words)
        else:
            assert Path(words[0]).name in PROGRAMS or words[1:3] == ["-m", "pytest"], words


def test_the_unit_of_systemd_gives_a_worker_the_time_that_it_may_take():
    (block,) = (b for b in BLOCKS if b.kind == "ini")
    unit = RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.code)
    service = unit["Service"]
    check_command(service["ExecStart"])
    assert service["KillSignal"] == "SIGTERM"
    assert service.getint("TimeoutStopSec") >= ExecutorConfig().stop_timeout + STOP_MARGIN
    assert service["RestartPreventExitStatus"] == "2"


@those(kind="dockerfile")
def test_the_image_starts_a_worker_that_gets_the_signal_itself(block):
    steps = dict(line.split(maxsplit=1) for line in block.lines)
    assert steps.keys() <= {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "STOPSIGNAL", "CMD"}
    assert steps["STOPSIGNAL"] == "SIGTERM"
    check_command(json.loads(steps["CMD"]))


@those(kind="yaml")
def test_containers_give_a_worker_the_time_that_it_may_take(block):
    content = yaml.safe_load(block.code)
    if "services" in content:
        worker = content["services"]["worker"]
        seconds = int(worker["stop_grace_period"].removesuffix("s"))
    else:
        (worker,) = content["spec"]["containers"]
        seconds = content["spec"]["terminationGracePeriodSeconds"]
    check_command(worker["command"])
    assert seconds >= ExecutorConfig().stop_timeout + STOP_MARGIN


def test_longer_stop_times_are_shown_with_what_systemd_then_needs():
    page = PAGES["docs/howto/deploy.md"].read_text()
    stop_timeout, stop_seconds = re.search(
        r'STOP_TIMEOUT": (\d+).*TimeoutStopSec=(\d+)', page
    ).groups()  # type: ignore[union-attr]
    assert int(stop_seconds) >= int(stop_timeout) + STOP_MARGIN
