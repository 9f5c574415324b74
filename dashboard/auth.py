"""Who looks at the page; the only place that knows."""

from __future__ import annotations

from core.governance.identity import LOCAL_OPERATOR, Actor

__all__ = ["current_actor"]


def current_actor() -> Actor:
    """The actor of every service call that a page makes."""
    return LOCAL_OPERATOR
