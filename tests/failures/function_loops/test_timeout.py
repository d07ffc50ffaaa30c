import anyio
import pytest_asyncio


@pytest_asyncio.fixture
async def quick():
    with anyio.fail_after(5):
        yield


@pytest_asyncio.fixture
async def patient():
    with anyio.move_on_after(5) as scope:
        yield scope


async def test_quick(quick):
    pass


async def test_patient(patient):
    pass
