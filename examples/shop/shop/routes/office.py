"""For the people who run the shop: its settings, and the log of what happened."""

from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select

from shop.database import Session
from shop.models import AuditEntry, Setting
from shop.schemas import AuditEntryOut, SettingValue
from shop.services.preferences import read_setting

router = APIRouter(tags=["office"])


@router.get("/settings")
async def list_settings(session: Session) -> dict[str, int]:
    settings = await session.scalars(select(Setting))
    return {setting.key: setting.value for setting in settings}


@router.put("/settings/{key}")
async def change_setting(key: str, data: SettingValue, session: Session) -> dict[str, int]:
    setting = await read_setting(session, key)
    setting.value = data.value
    await session.commit()
    return {setting.key: setting.value}


@router.get("/audit-log", response_model=list[AuditEntryOut])
async def read_audit_log(session: Session) -> Sequence[AuditEntry]:
    return (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
