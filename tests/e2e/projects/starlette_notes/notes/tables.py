from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, String, Table, Text, func

metadata = MetaData()

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", String(80), nullable=False, unique=True),
    Column("text", Text, nullable=False, server_default=""),
    Column("written_at", DateTime(timezone=True), server_default=func.now()),
)

visits = Table(
    "visits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("note_id", ForeignKey("notes.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(30), primary_key=True),
)
