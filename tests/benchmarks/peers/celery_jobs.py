"""Celery: results kept in Redis, acknowledged when they are there."""

import os
import time

from celery import Celery

from tests.benchmarks import work

URL = os.environ["BENCH_REDIS"]
app = Celery("bench", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
)

noop = app.task(work.count, name="noop")
tell = app.task(work.tell, name="tell")


@app.task(name="nap")
def nap():
    work.begin()
    time.sleep(work.NAP_SECONDS)
    work.end()


def enqueue(job: str) -> None:
    globals()[job].delay()
