import pytest


@pytest.mark.asyncio(loop_scope="function")
async def test_gate(gate):
    await gate.wait()
