"""The settings of Live sessions on a server that was configured for Realtime."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.protocol import SessionDefaults
from duologue.protocol.live.server import LiveDefaults
from duologue.server.limits import Limits

__all__ = ["live_defaults"]

_SHARED: Final = tuple(name for name in LiveDefaults.__struct_fields__ if name in SessionDefaults.__struct_fields__)


def live_defaults(defaults: SessionDefaults, limits: Limits) -> LiveDefaults:
    """What the operator changed for all sessions holds for Live too; the rest is as in `LiveDefaults`."""
    standard = SessionDefaults()
    changed: dict[str, Any] = {
        name: getattr(defaults, name) for name in _SHARED if getattr(defaults, name) != getattr(standard, name)
    }
    if limits.idle_s is not None:
        changed["starve_s"] = min(LiveDefaults().starve_s, limits.idle_s)
    return msgspec.structs.replace(LiveDefaults(), **changed)
