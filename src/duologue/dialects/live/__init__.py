"""The dialects of Live: how each vendor differs from the hosted service, as data. Imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.dialects.live.profile import LiveProfile
from duologue.dialects.live.vendors import PROFILES

__all__ = ["LIVE_PROFILES", "LiveProfile"]

LIVE_PROFILES: Final[Mapping[str, LiveProfile]] = {profile.name: profile for profile in PROFILES}
"""Every dialect of Live by its name."""
