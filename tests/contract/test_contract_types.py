"""Types that drivers learn of by asking the database, or by listeners."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Column, Engine, Enum, Integer, MetaData, Table, event, select, text
from sqlalchemy.dialects.postgresql import CITEXT, HSTORE, JSONB

if TYPE_CHECKING:
    from tools.laboratory import Laboratory


class Mood(enum.Enum):
    GLAD = "glad"
    SAD = "sad"


THING = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("data", JSONB),
    Column("pairs", HSTORE),
    Column("word", CITEXT),
    Column("mood", Enum(Mood, values_callable=lambda kind: [m.value for m in kind])),
)


def everything(engine: Engine) -> None:
    values: dict[str, Any] = {
        "data": {"a": [1, 2, {"b": None}]},
        "pairs": {"x": "1", "y": None},
        "word": "Word",
        "mood": Mood.SAD,
    }
    with engine.begin() as connection:
        connection.execute(THING.insert().values(**values))
    with engine.connect() as connection:
        row = connection.execute(select(THING).where(THING.c.word == "wORD")).one()
        assert row._mapping == {"id": row.id, **values}


@pytest.mark.needs("extension_types")
def test_types_come_back_as_they_went_in_test_after_test(lab: Laboratory) -> None:
    engine = lab.engine()
    for _ in range(3):
        with lab.test() as sandbox:
            lab.run(everything, engine)
        assert sandbox.problems == []


@pytest.mark.needs("search_path")
@pytest.mark.parametrize("hosted", [True, False])
def test_a_search_path_set_by_a_listener_holds_in_every_test(
    lab: Laboratory,
    hosted: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    first, second = lab.engine(), lab.engine()

    @event.listens_for(second, "connect")
    def set_path(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET SESSION search_path TO other, public")
        cursor.close()

    def body() -> None:
        with first.begin() as connection:
            connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        with second.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM elsewhere")) == 0
            connection.execute(text("INSERT INTO elsewhere VALUES (1)"))
            connection.commit()
            assert connection.scalar(text("SELECT count(*) FROM elsewhere")) == 1

    for _ in range(3):
        with lab.test(hosted=hosted) as sandbox:
            lab.run(body)
        assert sandbox.problems == []


@pytest.mark.needs("asyncpg")
def test_a_codec_registered_by_a_listener_holds_in_every_test(async_lab: Laboratory) -> None:
    engine = async_lab.engine()

    @event.listens_for(engine, "connect")
    def register(connection: Any, _record: object) -> None:
        async def codec(driver: Any) -> None:
            await driver.set_type_codec(
                "mood", encoder=str, decoder=lambda text: f"very {text}", schema="public"
            )

        connection.run_async(codec)

    def body() -> None:
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 'glad'::mood")) == "very glad"

    for _ in range(3):
        with async_lab.test() as sandbox:
            async_lab.run(body)
        assert sandbox.problems == []


def test_a_listener_of_do_connect_may_still_change_the_arguments(lab: Laboratory) -> None:
    engine = lab.engine()

    @event.listens_for(engine, "do_connect")
    def note(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> None:
        parameters["password"] = json.dumps("from a vault")

    def body() -> None:
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1

    with lab.test() as sandbox:
        lab.run(body)
    assert sandbox.problems == []


@pytest.mark.needs("extension_types", "adapted_cursors")
def test_each_engine_converts_json_in_its_own_way(lab: Laboratory) -> None:
    def writes(value: object) -> str:
        return json.dumps({"written by": "one engine", "value": value})

    def reads(text: str | bytes) -> object:
        return {"read by": "one engine", **json.loads(text)}

    def change(engine: Engine, number: int) -> object:
        with engine.begin() as connection:
            connection.execute(THING.insert().values(data=number))
            return connection.scalar(select(THING.c.data).order_by(THING.c.id.desc()).limit(1))

    def body() -> list[object]:
        return [change(engine, number) for number, engine in enumerate((own, other, own))]

    own = lab.engine(json_serializer=writes, json_deserializer=reads)
    other = lab.engine()
    by_one = {"read by": "one engine", "written by": "one engine"}
    for name in ("test_first", "test_second"):
        with lab.test(name) as sandbox:
            assert lab.run(body) == [by_one | {"value": 0}, 1, by_one | {"value": 2}]
        assert sandbox.problems == []
