async def test_open(gate):
    await gate.wait()
