"""What imports cost is measured, at a size that says nothing about speed."""

from __future__ import annotations

from tests.benchmarks.importing import SITES, main, table


def test_each_site_is_measured(capsys):
    main(1)
    rows = [line.rsplit(maxsplit=3) for line in capsys.readouterr().out.splitlines()[2:]]
    added = [f"added {name}" for name in [*SITES][1:]]
    assert [row[0].strip() for row in rows] == [*SITES, *added]
    assert all(float(each) > 0 for row in rows[: len(SITES)] for each in row[1:])


def test_what_is_added_is_told():
    found = table({"Django": (100.0, 200.0, 30.0), "more": (140.0, 210.0, 33.0)})
    assert found.splitlines()[-1].split() == ["added", "more", "40.0", "10.0", "3.0"]
