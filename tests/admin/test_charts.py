from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from flowrra_django.admin.charts import FLOOR, LEFT, TOP, jobs_chart, points_of, times_chart, told
from flowrra_django.tally import Minute, bucket_of

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(minutes: int, **given) -> Minute:
    """Return what one minute so long before noon came to."""
    return Minute(NOON - timedelta(minutes=minutes), given.pop("queue", "mail"), **given)


def test_minutes_of_all_queues_are_summed_to_points_that_end_now():
    minutes = [
        at(0, succeeded=1),
        at(0, succeeded=2, queue="a"),
        at(1, failed=4),
        at(4, succeeded=8),
    ]
    points = points_of(minutes, NOON + timedelta(seconds=59), 2, 2)
    assert [(p.start, p.succeeded, p.failed) for p in points] == [
        (NOON - timedelta(minutes=3), 0, 0),
        (NOON - timedelta(minutes=1), 3, 4),
    ]


def test_durations_of_a_point_are_those_of_all_its_minutes():
    minutes = [at(0, waited={1: 1}, ran={2: 1}), at(1, waited={1: 2, 9: 1})]
    [point] = points_of(minutes, NOON, 1, 15)
    assert (point.waited, point.ran) == ({1: 3, 9: 1}, {2: 1})


def shapes(svg: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(kind))


def test_a_bar_is_as_high_as_its_jobs_and_stands_on_those_that_failed():
    svg = jobs_chart(points_of([at(0, succeeded=6, failed=4)], NOON, 60, 1))
    failed, done = shapes(svg, "rect")
    assert "flowrra-failed" in failed.get("class")
    assert "flowrra-done" in done.get("class")
    assert float(failed.get("y")) + float(failed.get("height")) == FLOOR
    assert float(done.get("y")) + float(done.get("height")) == float(failed.get("y"))
    assert (float(done.get("y")), failed.find("title").text[-8:]) == (TOP, "4 failed")


def test_jobs_of_a_longer_point_are_told_by_the_minute():
    svg = jobs_chart(points_of([at(0, succeeded=30)], NOON, 96, 15))
    assert [each.text for each in shapes(svg, "text")][:3] == ["0", "1", "2"]


def test_a_line_has_a_gap_where_nothing_ended():
    minutes = [at(n, ran={bucket_of(0.5): 1}) for n in (0, 1, 3)]
    svg = times_chart(points_of(minutes, NOON, 5, 1), "Run time", lambda point: point.ran)
    for path in shapes(svg, "path"):
        assert [step for step in path.get("d") if step in "ML"] == ["M", "M", "L"]


def test_durations_lie_between_powers_of_ten():
    minutes = [at(0, ran={bucket_of(0.02): 1, bucket_of(30): 1})]
    svg = times_chart(points_of(minutes, NOON, 5, 1), "Run time", lambda point: point.ran)
    words = [each.text for each in shapes(svg, "text")]
    assert words[:5] == ["10 ms", "100 ms", "1 s", "10 s", "100 s"]
    assert told(minutes[0].ran) == "p50 20 ms, p95 30.0 s"


def test_long_durations_are_told_with_separators():
    minutes = [at(0, waited={bucket_of(7_000.0): 1})]
    svg = times_chart(points_of(minutes, NOON, 5, 1), "Wait", lambda point: point.waited)
    assert "1,000 s" in svg
    assert "10,000 s" in svg


@pytest.mark.parametrize("minutes", [[], [at(0)], [at(0, succeeded=10**9, waited={0: 10**9})]])
def test_nothing_and_a_lot_can_be_drawn(minutes):
    points = points_of(minutes, NOON, 60, 1)
    for svg in (jobs_chart(points), times_chart(points, "Wait", lambda point: point.waited)):
        numbers = re.findall(r' (?:x|y|x1|y1|width|height)="([^"]*)"', svg)
        assert all(-1 <= float(number) <= 400 for number in numbers)
        assert not re.search(r"nan|inf", svg)
        assert f'x1="{LEFT}"' in svg
        assert " style=" not in svg
