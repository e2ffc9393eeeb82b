"""The accents of the protocol: what each vendor and server spells otherwise, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.dialects import azure, beta, gateways, glm, openai, opensource, qwen, xai
from duologue.dialects.detection import Guess, guess_by_frame, guess_by_url
from duologue.dialects.profile import Profile

__all__ = ["PROFILES", "Guess", "Profile", "detect"]

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for family in (openai, beta, azure, xai, qwen, glm, gateways, opensource)
    for profile in family.PROFILES
}
"""Every dialect by its name."""


def detect(sign: Mapping[str, Any] | str) -> Guess:
    """The dialect that a frame is in, or that is spoken at a URL, and how sure that is.

    A server's first frame tells most. Where nothing gives a dialect away, the answer is "openai" with confidence 0.
    """
    return guess_by_url(sign, PROFILES.values()) if isinstance(sign, str) else guess_by_frame(sign)
