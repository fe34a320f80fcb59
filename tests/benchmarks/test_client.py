from __future__ import annotations

from tests.benchmarks import client, work


async def test_each_delay_counts_from_the_call_to_the_begin(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.client.BEGAN", tmp_path / "began")
    monkeypatch.setattr("tests.benchmarks.work.BEGAN", tmp_path / "began")
    told = await client.pick_up(lambda job: getattr(work, job)(), 3)
    assert len(told["delays"]) == 3
    assert all(delay >= 0 for delay in told["delays"])


async def test_no_job_is_enqueued_once_the_backlog_is_gone():
    told = await client.pick_up(lambda job: 1 / 0, 3, is_over=lambda: True)
    assert told == {"delays": []}


async def test_many_are_enqueued_in_batches(monkeypatch):
    monkeypatch.setattr(client, "MANY", 40)
    batches: list[int] = []
    told = await client.many(lambda job, count: batches.append(count), "noop", 100)
    assert batches == [40, 40, 20]
    assert told["rate"] > 0
