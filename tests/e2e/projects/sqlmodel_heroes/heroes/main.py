from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, HTTPException, Query
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, select

from heroes.database import SessionDep, engine
from heroes.models import Hero, HeroCreate, HeroPublic, HeroUpdate, Team, TeamBase


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    SQLModel.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/heroes/", status_code=201)
def create_hero(hero: HeroCreate, session: SessionDep) -> HeroPublic:
    created = Hero.model_validate(hero)
    session.add(created)
    session.commit()
    session.refresh(created)
    return HeroPublic.model_validate(created)


@app.get("/heroes/")
def read_heroes(
    session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 100
) -> list[HeroPublic]:
    heroes = session.exec(select(Hero).order_by(Hero.id).offset(offset).limit(limit)).all()
    return [HeroPublic.model_validate(hero) for hero in heroes]


@app.get("/heroes/{hero_id}")
def read_hero(hero_id: int, session: SessionDep) -> HeroPublic:
    hero = session.get(Hero, hero_id)
    if hero is None:
        raise HTTPException(status_code=404, detail="Hero not found")
    return HeroPublic.model_validate(hero)


@app.patch("/heroes/{hero_id}")
def update_hero(hero_id: int, changes: HeroUpdate, session: SessionDep) -> HeroPublic:
    hero = session.get(Hero, hero_id)
    if hero is None:
        raise HTTPException(status_code=404, detail="Hero not found")
    hero.sqlmodel_update(changes.model_dump(exclude_unset=True))
    session.add(hero)
    session.commit()
    session.refresh(hero)
    return HeroPublic.model_validate(hero)


@app.delete("/heroes/{hero_id}", status_code=204)
def delete_hero(hero_id: int, session: SessionDep) -> None:
    hero = session.get(Hero, hero_id)
    if hero is None:
        raise HTTPException(status_code=404, detail="Hero not found")
    session.delete(hero)
    session.commit()


@app.post("/teams/", status_code=201)
def create_team(team: TeamBase, session: SessionDep) -> Team:
    created = Team.model_validate(team)
    session.add(created)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise HTTPException(status_code=409, detail="Such a team exists") from None
    session.refresh(created)
    return created


def retire(team_id: int) -> None:
    with Session(engine) as session:
        for hero in session.exec(select(Hero).where(Hero.team_id == team_id)):
            hero.team_id = None
            session.add(hero)
        session.commit()


@app.delete("/teams/{team_id}", status_code=202)
def delete_team(team_id: int, session: SessionDep, later: BackgroundTasks) -> None:
    if session.get(Team, team_id) is None:
        raise HTTPException(status_code=404, detail="Team not found")
    later.add_task(retire, team_id)
