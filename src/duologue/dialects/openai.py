"""The hosted service itself: the canonical model has its shape."""

from __future__ import annotations

from typing import Final

from duologue.dialects.profile import Profile

__all__ = ["PROFILES"]

PROFILES: Final = (
    Profile(
        name="openai",
        title="OpenAI Realtime, and Azure OpenAI v1",
        intent=True,
        hosts=("api.openai.com", "openai.azure.com"),
        path="/openai/v1/realtime",
        auth=("bearer", "subprotocol", "api-key"),
        session_minutes=60,
        notes="Reads the six beta names and writes the canonical ones: the one dialect that does not keep a spelling.",
    ),
)
