"""One at a time, of tasks on several loops and of threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.alone import Alone

SECONDS = 30.0


class Counted:
    """Something that breaks when two do it at once."""

    def __init__(self) -> None:
        self.alone = Alone()
        self.inside = 0
        self.most = 0
        self.times = 0

    def enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)

    def leave(self) -> None:
        self.times += 1
        self.inside -= 1

    def in_a_thread(self) -> None:
        with self.alone.entered(waits=False):
            self.enter()
            threading.Event().wait(0.001)
            self.leave()

    def in_a_task(self) -> None:
        with self.alone.entered(waits=True):
            self.enter()
            greenlets.wait_for(asyncio.sleep(0.001))
            self.leave()

    async def in_tasks(self) -> None:
        await asyncio.gather(*(greenlets.run(self.in_a_task) for _ in range(10)))


def test_tasks_of_two_loops_and_threads_come_one_after_the_other() -> None:
    counted = Counted()
    with ThreadPoolExecutor(12) as threads:
        running = [threads.submit(asyncio.run, counted.in_tasks()) for _ in range(2)]
        running += [threads.submit(counted.in_a_thread) for _ in range(10)]
        for one in running:
            one.result(SECONDS)
    assert (counted.times, counted.most, counted.inside) == (30, 1, 0)


def test_one_that_fails_lets_the_next_in() -> None:
    alone = Alone()
    with pytest.raises(ZeroDivisionError), alone.entered(waits=False):
        _ = 1 / 0
    with alone.entered(waits=False):
        pass


def test_a_task_that_is_cancelled_while_it_waits_is_in_nobodys_way() -> None:
    counted = Counted()

    async def body() -> None:
        with counted.alone.entered(waits=False):
            waiting = asyncio.create_task(greenlets.run(counted.in_a_task))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await greenlets.run(counted.in_a_task)

    asyncio.run(body())
    assert (counted.times, counted.most) == (1, 1)


def test_code_that_blocks_a_loop_does_not_wait_for_a_task_of_it() -> None:
    counted = Counted()

    async def body() -> None:
        task = asyncio.create_task(greenlets.run(counted.in_a_task))
        await asyncio.sleep(0)
        assert counted.inside == 1
        counted.in_a_thread()
        await task

    asyncio.run(asyncio.wait_for(body(), SECONDS))
    assert (counted.times, counted.most) == (2, 2)
