import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from todo.models import Task, Tenant
from todo.setup import create_tenant

URL = os.environ.get("DATABASE_URL", "postgresql://todo:secret@db.invalid/todo")
engine = create_async_engine(URL.replace("postgresql://", "postgresql+psycopg://"))


async def current_tenant(x_tenant: Annotated[str, Header()]) -> Tenant:
    async with AsyncSession(engine) as session:
        tenant = await session.scalar(select(Tenant).where(Tenant.name == x_tenant))
    if tenant is None:
        raise HTTPException(404, "no such tenant")
    return tenant


CurrentTenant = Annotated[Tenant, Depends(current_tenant)]


async def tenant_session(tenant: CurrentTenant) -> AsyncIterator[AsyncSession]:
    own = engine.execution_options(schema_translate_map={"tenant": f"tenant_{tenant.name}"})
    async with AsyncSession(own, expire_on_commit=False) as session:
        yield session


TenantSession = Annotated[AsyncSession, Depends(tenant_session)]

app = FastAPI()


@app.post("/tenants/{name}", status_code=201)
async def sign_up(name: str) -> int:
    try:
        async with AsyncSession(engine) as session, session.begin():
            tenant = Tenant(name=name)
            session.add(tenant)
            await session.flush()
            await (await session.connection()).run_sync(create_tenant, name)
            return tenant.id
    except IntegrityError:
        raise HTTPException(409) from None


@app.post("/tasks", status_code=201)
async def add_task(title: str, tenant: CurrentTenant, session: TenantSession) -> int:
    task = Task(title=title, tenant_id=tenant.id)
    session.add(task)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409) from None
    return task.id


@app.get("/tasks")
async def list_tasks(session: TenantSession) -> list[str]:
    return list(await session.scalars(select(Task.title).order_by(Task.id)))
