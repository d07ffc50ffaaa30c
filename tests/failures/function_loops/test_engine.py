from sqlalchemy import text


async def test_select(engine):
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
