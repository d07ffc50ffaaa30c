"""The gate before a real connection: one at a time, first come first served."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.clock import Clock
from pytest_oneloop.sandbox.gates import AsyncGate, ThreadGate

if TYPE_CHECKING:
    from collections.abc import Coroutine

LONG = 10.0


def enter(gate: AsyncGate, seconds: float = LONG) -> Coroutine[None, None, None]:
    return greenlets.run(gate.enter, seconds)


async def turns(count: int = 5) -> None:
    """Let the tasks that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_tasks_enter_in_the_order_of_their_arrival() -> None:
    async def main() -> list[int]:
        gate, order = AsyncGate(), []
        await enter(gate)

        async def one(number: int) -> None:
            await enter(gate)
            order.append(number)
            await asyncio.sleep(0)
            gate.leave()

        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await turns()
        assert order == []
        gate.leave()
        await asyncio.gather(*tasks)
        assert gate.try_enter()
        return order

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_nobody_overtakes_the_task_that_the_gate_was_handed_to() -> None:
    async def main() -> None:
        gate = AsyncGate()
        await enter(gate)
        waiting = asyncio.create_task(enter(gate))
        await turns()
        gate.leave()
        assert not gate.try_enter()
        await waiting

    asyncio.run(main())


def test_a_task_that_waits_too_long_leaves_the_queue() -> None:
    async def main() -> None:
        gate = AsyncGate()
        await enter(gate)
        with pytest.raises(TimeoutError):
            await enter(gate, 0.01)
        gate.leave()
        assert gate.try_enter()

    asyncio.run(main())


def test_a_cancelled_task_leaves_the_queue() -> None:
    async def main() -> None:
        gate = AsyncGate()
        await enter(gate)
        first, second = asyncio.create_task(enter(gate)), asyncio.create_task(enter(gate))
        await turns()
        first.cancel()
        gate.leave()
        await second
        assert first.cancelled()
        assert not gate.try_enter()
        gate.leave()
        assert gate.try_enter()

    asyncio.run(main())


def test_a_task_cancelled_when_its_turn_has_come_hands_the_gate_on() -> None:
    async def main() -> None:
        gate = AsyncGate()
        await enter(gate)
        first, second = asyncio.create_task(enter(gate)), asyncio.create_task(enter(gate))
        await turns()
        gate.leave()
        first.cancel()
        await second
        assert first.cancelled()

    asyncio.run(main())


def test_the_bell_wakes_all_who_listen() -> None:
    async def main() -> None:
        gate = AsyncGate()
        listeners = [asyncio.create_task(greenlets.run(gate.listen, LONG)) for _ in range(3)]
        await turns()
        assert not any(listener.done() for listener in listeners)
        gate.ring()
        await asyncio.wait_for(asyncio.gather(*listeners), LONG)

    asyncio.run(main())


def test_who_listens_in_vain_goes_on_and_is_forgotten() -> None:
    async def main() -> None:
        gate = AsyncGate()
        for _ in range(3):
            await greenlets.run(gate.listen, 0.001)
        assert gate.listeners == 0

    asyncio.run(main())


def test_the_clock_goes_on_when_others_see_one_that_stands_still() -> None:
    assert not Clock.is_frozen()
    with patch("time.monotonic", return_value=time.monotonic()):
        assert Clock.is_frozen()
        before, frozen = Clock.now(), time.monotonic()
        time.sleep(0.001)
        assert Clock.now() > before
        assert time.monotonic() == frozen
    assert not Clock.is_frozen()


def test_who_listens_in_vain_goes_on_when_the_timers_of_the_loop_stand_still() -> None:
    async def main() -> None:
        gate = AsyncGate()
        with patch("time.monotonic", return_value=time.monotonic()):
            listener = asyncio.create_task(greenlets.run(gate.listen, 0.001))
            until = Clock.now() + LONG
            while not listener.done() and Clock.now() < until:
                await asyncio.to_thread(time.sleep, 0.001)
            assert listener.done()
        await listener
        assert gate.listeners == 0

    asyncio.run(main())


def test_the_bell_wakes_who_listens_when_the_clock_stands_still() -> None:
    def timers() -> list[threading.Timer]:
        return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]

    async def main() -> None:
        gate = AsyncGate()
        with patch("time.monotonic", return_value=time.monotonic()):
            listener = asyncio.create_task(greenlets.run(gate.listen, 1000 * LONG))
            await turns()
            (timer,) = timers()
            gate.ring()
            await listener
        timer.join(LONG)
        assert timers() == []

    asyncio.run(main())


def test_an_action_runs_at_once_or_when_the_gate_opens() -> None:
    async def main() -> list[str]:
        gate, done = AsyncGate(), []
        gate.soon(lambda: done.append("at once"))
        await enter(gate)
        gate.soon(lambda: done.append("later"))
        assert done == ["at once"]
        gate.leave()
        return done

    assert asyncio.run(main()) == ["at once", "later"]


def test_threads_enter_one_at_a_time() -> None:
    gate = ThreadGate()
    inside, most = [0], [0]

    def one() -> None:
        for _ in range(200):
            gate.enter(LONG)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            gate.leave()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert most == [1]
    assert gate.try_enter()


def test_a_thread_does_not_wait_for_ever() -> None:
    gate = ThreadGate()
    gate.enter(LONG)
    assert not gate.try_enter()
    with pytest.raises(TimeoutError):
        gate.enter(0.01)


def test_the_bell_wakes_threads() -> None:
    gate = ThreadGate()
    about_to = threading.Event()

    def listen() -> None:
        about_to.set()
        gate.listen(LONG)

    thread = threading.Thread(target=listen)
    thread.start()
    about_to.wait(LONG)
    while thread.is_alive():
        gate.ring()
        thread.join(0.01)


def test_an_action_of_the_thread_that_is_inside_waits_for_it_to_leave() -> None:
    gate, done = ThreadGate(), []
    gate.soon(lambda: done.append("at once"))
    gate.enter(LONG)
    gate.soon(lambda: done.append("later"))
    assert done == ["at once"]
    gate.leave()
    assert done == ["at once", "later"]
