async def test_cached(cache):
    await cache.get("key")
