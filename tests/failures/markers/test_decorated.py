async def test_answer(module_answer):
    await module_answer
