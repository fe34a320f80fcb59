"""Huey, on Redis or SQLite."""

import os
import time

from huey import RedisHuey, SqliteHuey

from tests.benchmarks import work

if os.environ["BENCH_STORE"] == "sqlite":
    huey = SqliteHuey("bench", filename=str(work.FOLDER / "huey.sqlite3"))
else:
    huey = RedisHuey("bench", url=os.environ["BENCH_REDIS"])


@huey.task()
def noop():
    work.count()
    return True  # a result of None is not kept


@huey.task()
def tell():
    work.tell()


@huey.task()
def nap():
    work.begin()
    time.sleep(work.NAP_SECONDS)
    work.end()
    return True


def enqueue(job: str) -> None:
    globals()[job]()
