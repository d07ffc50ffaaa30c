import anyio
import pytest


@pytest.fixture
async def workers(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group


@pytest.mark.anyio
async def test_work(workers):
    workers.start_soon(anyio.sleep, 0)
