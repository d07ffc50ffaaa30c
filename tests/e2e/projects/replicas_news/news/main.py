from collections.abc import Iterator

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from news.database import Article, new_session


def get_session() -> Iterator[Session]:
    with new_session() as session:
        yield session


app = FastAPI()


@app.post("/articles", status_code=201)
def publish(title: str, session: Session = Depends(get_session)) -> str:
    session.add(Article(title=title))
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409) from None
    return title


@app.put("/articles")
def rename_all(title: str, session: Session = Depends(get_session)) -> int:
    changed = session.execute(update(Article).values(title=title)).rowcount
    session.commit()
    return changed


@app.get("/articles")
def titles(session: Session = Depends(get_session)) -> list[str]:
    return list(session.scalars(select(Article.title).order_by(Article.id)))
