"""How a scenario becomes tests: one with every mechanism on, and one with each of them off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps

import pytest

from tests import servers

from .checker import BrokenPromiseError, Verdict
from .engines import ENGINES, Engine
from .parts import is_part_of
from .report import Row, enter
from .site import Site, insist

TRIES = 3  # to see harm done without a mechanism, which on a busy machine may come too late
Scenario = Callable[[Site], None]


def fault(
    title: str,
    *,
    off: tuple[str, ...] = (),
    promise: int = 0,
    engines: tuple[Engine, ...] = ENGINES,
    is_essential: bool = False,
    why_none: str = "",
) -> Callable[[Scenario], Callable[..., None]]:
    """Make tests of a scenario: it harms the site, and the checker has the last word.

    The title begins with the number of the fault. With a mechanism in `off` turned off the
    checker has to complain. `promise` is that of the design's eight which this shows.
    `why_none` says why there is nothing to turn off on an engine that has none of `off`.
    """
    cases = [
        _case(engine, switch)
        for engine in engines
        for switch in ("", *off)
        if not switch or is_part_of(switch, engine)
    ]

    def decorate(scenario: Scenario) -> Callable[..., None]:
        @pytest.mark.faults(is_essential=is_essential)
        @pytest.mark.parametrize(("engine", "switch"), cases)
        @wraps(scenario)
        def test(
            engine: Engine,
            switch: str,
            tmp_path_factory: pytest.TempPathFactory,
            request: pytest.FixtureRequest,
        ) -> None:
            for _ in range(TRIES if switch else 1):
                site = Site(engine, tmp_path_factory.mktemp("site"), switch)
                verdict = _verdict_on(scenario, site)
                if verdict.complaints:
                    break
            name = request.node.originalname
            has_switch = any(is_part_of(each, engine) for each in off)
            note = "" if has_switch or not why_none else f"nothing to turn off: {why_none}"
            enter(Row(engine.name, title, switch, verdict, promise, name, note), request.node)
            insist(verdict)

        del test.__wrapped__  # pytest would look for the scenario's own arguments
        return test

    return decorate


def _verdict_on(scenario: Scenario, site: Site) -> Verdict:
    with _ready(site):
        scenario(site)
        return site.check()


@contextmanager
def _ready(site: Site) -> Iterator[None]:
    """Have the site, or skip the test where there is no server for it and none is demanded."""
    with ExitStack() as stack:
        try:
            stack.enter_context(site)
        except servers.NoServerError as error:
            if any(map(servers.is_required, site.engine.kinds)):
                raise
            pytest.skip(str(error))
        yield


def _case(engine: Engine, switch: str) -> object:
    if not switch:
        return pytest.param(engine, "", id=engine.name)
    must_fail = pytest.mark.xfail(raises=BrokenPromiseError, strict=True)
    return pytest.param(engine, switch, marks=must_fail, id=f"{engine.name}, without {switch}")
