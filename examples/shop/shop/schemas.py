"""What comes in and goes out as JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", to_lower=True, max_length=254)
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Cents = Annotated[int, Field(ge=0)]
Quantity = Annotated[int, Field(ge=1)]


class FromModel(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CustomerIn(BaseModel):
    email: Email
    name: Name


class CustomerOut(FromModel):
    id: int
    email: str
    name: str


class BulkOut(BaseModel):
    created: list[str]
    skipped: list[str]


class ProductIn(BaseModel):
    category: str
    sku: Sku
    name: Name
    price_cents: Cents
    stock: Annotated[int, Field(ge=0)]


class ProductPatch(BaseModel):
    name: Name | None = None
    price_cents: Cents | None = None
    stock: Annotated[int, Field(ge=0)] | None = None


class ProductOut(FromModel):
    id: int
    sku: str
    name: str
    price_cents: int
    stock: int
    updated_at: datetime


class PriceChange(BaseModel):
    category: str
    percent: Annotated[int, Field(gt=-100, le=100)]


class Changed(BaseModel):
    rows: int


class LineIn(BaseModel):
    product_id: int
    quantity: Quantity


class OrderIn(BaseModel):
    customer_id: int
    lines: Annotated[list[LineIn], Field(min_length=1)]


class LineOut(FromModel):
    id: int
    product_id: int
    position: int
    quantity: int
    unit_price_cents: int


class OrderOut(FromModel):
    id: int
    customer_id: int
    status: str
    shipping_cents: int
    total_cents: int
    lines: list[LineOut]


class LinePosition(BaseModel):
    line_id: int
    position: Annotated[int, Field(ge=1)]


class TransferIn(BaseModel):
    product_id: int
    source_id: int
    target_id: int
    quantity: Quantity


class HoldingOut(FromModel):
    product_id: int
    quantity: int


class DeliveryIn(BaseModel):
    product_id: int
    quantity: Quantity


class JobOut(FromModel):
    id: int
    kind: str
    attempts: int
    error: str | None


class SettingValue(BaseModel):
    value: Annotated[int, Field(ge=0)]


class AuditEntryOut(FromModel):
    method: str
    path: str
    status: int
