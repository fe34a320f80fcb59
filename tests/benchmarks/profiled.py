"""A worker that watches itself: `python -m tests.benchmarks.profiled runflowrra …`.

While jobs are drained, a thread looks a thousand times a second at where the event loop's, the
store's and, if there is one, the writer's thread are. What it saw goes to the file `profile` as
JSON: for each stage, how many of the looks found a thread there. A thread that waits, for work or
for another one, is idle.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from types import FrameType

from django.core.management import execute_from_command_line

from tests.benchmarks.work import FIRST, FOLDER, LAST

LOOK_SECONDS = 0.001

# From the innermost frame outwards, the first function that is named here says the stage.
STAGES = {
    ("selectors.py", "select"): "idle",
    ("store_thread.py", "_seconds_until_poll"): "store thread",
    ("store_thread.py", "_work"): "idle",  # in the C code of its queue
    ("postgresql.py", "peek"): "take: look",
    ("engine.py", "peek"): "take: look",
    ("engine.py", "claim"): "take: claim",
    ("postgresql.py", "claim"): "take: claim",
    ("backend.py", "jobs_from"): "decode rows",
    ("workers.py", "jobs_from"): "decode rows",
    ("rows.py", "job_from"): "decode rows",
    ("broker.py", "take"): "take: transaction",
    ("settling.py", "_finish_row"): "settle: rows",
    ("engine.py", "write"): "settle: write",
    ("postgresql.py", "write"): "settle: write",
    ("backend.py", "settle"): "settle: transaction",
    ("stores.py", "settle"): "settle: wake",
    ("consumer.py", "_launch"): "schedule",
    ("consumer.py", "_take"): "schedule",
    ("work.py", "count"): "the job",
    ("serialization.py", "decode"): "decode arguments",
    ("serialization.py", "encode"): "encode the result",
    ("retry.py", "settle"): "outcome",
    ("connections.py", "*"): "surround",
    ("coroutine.py", "run"): "run",
    ("consumer.py", "_run"): "run",
    ("job_log.py", "log_settled"): "log",
    ("events.py", "tell"): "signals",
    ("consumer.py", "_written"): "hear what was written",
    ("outbox.py", "_flush"): "hear what was written",
    ("outbox.py", "put"): "outbox",
    ("base_events.py", "_run_once"): "event loop",
}  # fmt: skip


def stage_of(frame: FrameType | None) -> str:
    while frame is not None:
        file = frame.f_code.co_filename.rpartition("/")[2]
        name = frame.f_code.co_name
        if stage := STAGES.get((file, name)) or STAGES.get((file, "*")):
            return stage
        frame = frame.f_back
    return "other"


def watch(loop_thread: int) -> None:
    seen: Counter[str] = Counter()
    while not FIRST.exists():
        time.sleep(LOOK_SECONDS)
    started = time.perf_counter()
    while not LAST.exists():
        frames = sys._current_frames()
        threads = [(t.name.removeprefix("flowrra-"), t.ident) for t in threading.enumerate()]
        seen[f"loop: {stage_of(frames.get(loop_thread))}"] += 1
        for name, thread in threads:
            if name in {"store", "writer"}:
                seen[f"{name}: {stage_of(frames.get(thread or 0))}"] += 1
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - started
    (FOLDER / "profile").write_text(json.dumps({"seconds": seconds, "seen": seen}))


if __name__ == "__main__":
    threading.Thread(target=watch, args=[threading.get_ident()], daemon=True).start()
    execute_from_command_line(["manage.py", *sys.argv[1:]])
