import os

from sqlalchemy import create_engine, text


def test_select():
    with create_engine(os.environ["REAL_DATABASE"]).connect() as connection:
        connection.execute(text("SELECT 1"))
