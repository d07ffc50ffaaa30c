async def test_page(http):
    await http.get("/")
