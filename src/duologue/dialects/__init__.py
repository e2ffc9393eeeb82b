"""The accents of the protocol: what each vendor and server spells otherwise, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.dialects import beta
from duologue.dialects.names import CANONICAL
from duologue.dialects.profile import Profile

__all__ = ["PROFILES", "Profile"]

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(
            name="openai",
            title="OpenAI Realtime",
            hosts=("api.openai.com",),
            session_minutes=60,
            auth=("bearer", "subprotocol"),
        ),
        Profile(
            name="openai-beta", title="OpenAI Realtime beta", names=CANONICAL, rules=beta.RULES, session_minutes=30
        ),
    )
}
"""Every dialect by its name."""
