"""The tests of SQLAlchemy's suite that the sandbox does not pass, and why."""

from __future__ import annotations

KNOWN: dict[str, dict[str, str]] = {
    "postgresql+asyncpg": {},
    "postgresql+psycopg": {
        "JSONTest::test_round_trip_custom_json": (
            "All engines of a process share one real connection, and psycopg's adapters are given"
            " to that: the `json_serializer` of a second engine is not asked."
        ),
    },
}
"""By database, then by test; at most ten of each."""
