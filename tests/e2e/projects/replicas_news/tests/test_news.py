from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from news.database import Article, Visit, new_mapped_session
from news.main import app

web = TestClient(app)


@pytest.mark.parametrize("_again", range(2))
def test_what_the_primary_writes_the_replica_reads(_again):
    assert web.get("/articles").json() == []
    assert web.post("/articles?title=one").status_code == 201
    assert web.post("/articles?title=one").status_code == 409
    assert web.put("/articles?title=two").json() == 1
    assert web.get("/articles").json() == ["two"]


@pytest.mark.parametrize("_again", range(2))
def test_a_session_with_a_bind_for_each_class(_again):
    with new_mapped_session() as session:
        article = Article(title="one")
        session.add(article)
        session.flush()
        session.add(Visit(article_id=article.id))
        session.commit()
    with new_mapped_session() as session:
        assert session.scalar(select(func.count(Article.id))) == 1
        assert session.scalar(select(func.count(Visit.id))) == 1
        session.add(Article(title="two"))
        session.flush()
        session.rollback()
    assert web.get("/articles").json() == ["one"]


@pytest.mark.parametrize("_again", range(2))
def test_twenty_requests_at_once(_again):
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: web.post(f"/articles?title={n}"), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len(web.get("/articles").json()) == 20
