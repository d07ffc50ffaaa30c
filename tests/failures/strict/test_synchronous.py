import pytest


@pytest.fixture
async def session():
    return "a session"


def test_session(session):
    assert session == "a session"
