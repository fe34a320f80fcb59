from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.limits import LIMIT
from tests.benchmarks.measuring import Figure
from tests.benchmarks.picture import WIDTH, picture
from tests.benchmarks.report import OUR_TITLE

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = [
    Figure(OUR_TITLE, "sqlite", "drain noop", 8_000.0),
    Figure("Huey 3.5", "sqlite", "drain noop", 2_000.0),
    Figure(LIMIT, "sqlite", "drain noop", 90_000.0),
    Figure(OUR_TITLE, "redis", "drain noop", 9_000.0),
    Figure(OUR_TITLE, "redis", "enqueue", 5_000.0),
    Figure(OUR_TITLE, "memory", "drain noop", 60_000.0),
]


def drawn() -> ET.Element:
    return ET.fromstring(picture(FIGURES))


def test_each_worker_has_a_bar_as_long_as_it_is_fast():
    bars = [each for each in drawn().findall(f"{SVG}rect") if "bar" in each.attrib["class"]]
    huey, ours = (float(each.attrib["width"]) for each in (bars[1], bars[0]))
    assert [each.attrib["class"] for each in bars] == ["ours bar", "peer bar", "ours bar"]
    assert huey / ours == pytest.approx(0.25, abs=0.01)


def test_each_bar_has_its_figure_and_what_is_kept():
    words = [each.text for each in drawn().findall(f"{SVG}text")]
    place = words.index("Huey 3.5")
    assert words[place + 1] == "2,000"
    assert "a job is lost" in words[place + 2]


def test_who_cannot_see_it_is_told_the_figures():
    svg = drawn()
    told = svg.find(f"{SVG}desc")
    assert "On SQLite: flowrra_django 8,000, Huey 3.5 2,000; On Redis" in told.text
    assert svg.attrib["aria-labelledby"].split() == ["title", "desc"]


def test_no_bar_and_no_word_leaves_the_page():
    for each in drawn().findall(f"{SVG}text"):
        assert float(each.attrib["x"]) + 5.6 * len(each.text or "") < WIDTH
