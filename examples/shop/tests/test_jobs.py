"""Jobs that several workers take from one queue."""

import asyncio

from shop.models import Job
from shop.services.jobs import ATTEMPTS, add_job, work_off_one
from shop.worker import HANDLERS
from tests.factories import a_product, count

SECONDS = 10
"""How long workers that wait for each other may take. It is a matter of milliseconds."""


async def test_a_delivery_is_for_sale_once_a_worker_has_booked_it(client, db_session):
    chess = await a_product(db_session, stock=2)

    response = await client.post("/deliveries", json={"product_id": chess.id, "quantity": 5})

    assert response.status_code == 202
    await db_session.refresh(chess)
    assert chess.stock == 2
    assert await work_off_one(HANDLERS)
    await db_session.refresh(chess)
    assert chess.stock == 7
    assert await count(db_session, Job) == 0


async def test_an_empty_queue_has_no_job(db_session):
    assert await count(db_session, Job) == 0

    assert not await work_off_one(HANDLERS)


async def test_two_workers_take_different_jobs(db_session):
    jobs = [await add_job(db_session, "note", number=number) for number in (1, 2)]
    await db_session.commit()
    both_at_work = asyncio.Barrier(2)
    taken = []

    async def note(_session, number):
        taken.append(number)
        await both_at_work.wait()

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(work_off_one({"note": note}) for _ in jobs))

    assert sorted(taken) == [1, 2]
    assert await count(db_session, Job) == 0


async def test_a_worker_finds_nothing_while_another_has_the_only_job(db_session):
    await add_job(db_session, "note")
    await db_session.commit()
    found = []

    async def note(_session):
        found.append(await work_off_one({}))

    assert await work_off_one({"note": note})

    assert found == [False]


async def test_a_worker_that_is_stopped_leaves_its_job_to_another(db_session):
    await add_job(db_session, "note")
    await db_session.commit()
    begun = asyncio.Event()
    done = []

    async def never_ends(_session):
        begun.set()
        await asyncio.Event().wait()

    async def note(_session):
        done.append("note")

    async with asyncio.timeout(SECONDS):
        worker = asyncio.create_task(work_off_one({"note": never_ends}))
        await begun.wait()
        worker.cancel()
        await asyncio.wait([worker])
        assert await work_off_one({"note": note})

    assert done == ["note"]


async def test_a_job_that_fails_leaves_nothing_but_a_note(db_session):
    chess = await a_product(db_session, stock=2)
    job = await add_job(db_session, "book_delivery", product_id=chess.id, quantity=-5)
    await db_session.commit()

    assert await work_off_one(HANDLERS)

    await db_session.refresh(job)
    assert (job.attempts, "stock_not_negative" in job.error) == (1, True)
    await db_session.refresh(chess)
    assert chess.stock == 2


async def test_a_job_that_fails_again_and_again_is_left_alone(db_session):
    await add_job(db_session, "unheard of")
    await add_job(db_session, "note")
    await db_session.commit()
    done = []

    async def note(_session):
        done.append("note")

    for _ in range(ATTEMPTS + 1):
        assert await work_off_one({"note": note})

    assert done == ["note"]
    assert not await work_off_one({"note": note})
