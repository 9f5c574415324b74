"""Alembic's entry: runs migrations on the connection that core.storage.database hands over."""

from typing import Any, Literal

from alembic import context

import core.storage.alerting
import core.storage.charting
import core.storage.notices
import core.storage.signing  # noqa: F401 (they declare their tables)
from core.storage.tables import Base, UtcDateTime


def _is_ours(_item: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return kind != "table" or name in Base.metadata.tables


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_object=_is_ours,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
