import os
from uuid import UUID

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    base,
    filters,
    providers,
    repository,
    service,
)
from litestar import Controller, Litestar, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from pydantic import BaseModel, ConfigDict

from library.models import Author

URL = os.environ.get("DATABASE_URL", "postgresql://library:secret@db.invalid/library")


class AuthorService(service.SQLAlchemyAsyncRepositoryService[Author]):
    class Repository(repository.SQLAlchemyAsyncRepository[Author]):
        model_type = Author

    repository_type = Repository
    match_fields = ["name"]


class AuthorRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


class AuthorWrite(BaseModel):
    name: str


class AuthorController(Controller):
    path = "/authors"
    dependencies = providers.create_service_dependencies(
        AuthorService,
        "authors",
        filters={"pagination_type": "limit_offset", "search": "name", "sort_field": "name"},
    )

    @get()
    async def list_authors(
        self,
        authors: NamedDependency[AuthorService],
        filters: NamedDependency[SkipValidation[list[filters.FilterTypes]]],
    ) -> service.OffsetPagination[AuthorRead]:
        found, total = await authors.get_many_and_count(*filters)
        return authors.to_schema(found, total, filters=filters, schema_type=AuthorRead)

    @post()
    async def create_author(
        self, authors: NamedDependency[AuthorService], data: JSONBody[AuthorWrite]
    ) -> AuthorRead:
        return authors.to_schema(await authors.create(data), schema_type=AuthorRead)

    @post("/many")
    async def create_many(
        self, authors: NamedDependency[AuthorService], data: JSONBody[list[AuthorWrite]]
    ) -> int:
        return len(await authors.create_many(data))

    @get("/{author_id:uuid}")
    async def read_author(
        self, authors: NamedDependency[AuthorService], author_id: FromPath[UUID]
    ) -> AuthorRead:
        return authors.to_schema(await authors.get(author_id), schema_type=AuthorRead)

    @patch("/{author_id:uuid}")
    async def rename(
        self,
        authors: NamedDependency[AuthorService],
        author_id: FromPath[UUID],
        data: JSONBody[AuthorWrite],
    ) -> AuthorRead:
        renamed = await authors.update(data, item_id=author_id)
        return authors.to_schema(renamed, schema_type=AuthorRead)

    @delete("/{author_id:uuid}")
    async def remove(
        self, authors: NamedDependency[AuthorService], author_id: FromPath[UUID]
    ) -> None:
        await authors.delete(author_id)


alchemy = SQLAlchemyAsyncConfig(
    connection_string=URL.replace("postgresql://", "postgresql+asyncpg://"),
    before_send_handler="autocommit",
    session_config=AsyncSessionConfig(expire_on_commit=False),
    metadata=base.UUIDAuditBase.metadata,
    create_all=True,
)

app = Litestar(
    route_handlers=[AuthorController],
    plugins=[SQLAlchemyPlugin(config=alchemy)],
    logging_config=None,
)
