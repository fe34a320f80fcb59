"""flowrra 0.1.8, on Redis: results kept; a job is lost with the worker that took it."""

import asyncio
import os

import flowrra

from tests.benchmarks import work

URL = os.environ["BENCH_REDIS"]
executor = flowrra.IOExecutor(
    flowrra.Config(
        broker=flowrra.BrokerConfig(url=URL),
        backend=flowrra.BackendConfig(url=URL),
        executor=flowrra.ExecutorConfig(io_workers=int(os.environ.get("BENCH_SLOTS", "100"))),
    )
)


@executor.task()
async def noop():
    work.count()


@executor.task()
async def tell():
    work.tell()


@executor.task()
async def nap():
    work.begin()
    await asyncio.sleep(work.NAP_SECONDS)
    work.end()


async def connect() -> None:
    executor._running = True  # to submit without running anything here


async def enqueue(job: str) -> None:
    await executor.submit(globals()[job])


async def close() -> None:
    executor._running = False


async def main() -> None:
    await executor.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
