"""Guesses which dialect a server speaks, from its URL or from its first frame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from msgspec import Struct

from duologue.dialects.places import ABSENT, find
from duologue.dialects.profile import FrameProfile, Profile
from duologue.dialects.signs import FRAME_SIGNS, LIVE_SIGNS, QUERY_SIGNS, Sign

if TYPE_CHECKING:
    from duologue.dialects.live.profile import LiveProfile

__all__ = ["Guess", "guess_by_frame", "guess_by_url", "guess_live_by_frame", "guess_live_by_url"]

_BY_HOST: Final = 0.9
"""A host name is the vendor's own, but a vendor may speak more than one dialect."""
_BY_PATH: Final = 0.6
"""Paths are copied by gateways."""
_NEVER_MORE: Final = 0.99
"""Any server may send any frame."""


class Guess(Struct, frozen=True):
    """A dialect, and how sure that is."""

    dialect: str
    confidence: float
    """From 0, where nothing speaks for it, towards 1."""
    reason: str


_ERAS: Final = frozenset({"openai", "openai-beta"})
"""Evidence for an era is no evidence against a vendor that speaks it."""

_COUSINS: Final = {"vllm": "vllm-omni", "vllm-omni": "vllm"}
"""Evidence for a server that speaks the same and more is no evidence against its cousin."""

_NOTHING: Final = Guess("openai", 0.0, "nothing gives it away")
_NOTHING_LIVE: Final = Guess("openai-live", 0.0, "nothing gives it away")


def guess_by_url(url: str, profiles: Iterable[Profile]) -> Guess:
    """The dialect that is spoken at a URL."""
    parts = urlsplit(url)
    evidence = _addressed(parts, profiles)
    evidence.extend(_seen(dict(parse_qsl(parts.query)), QUERY_SIGNS))
    if not evidence and parts.path.rstrip("/").endswith("/realtime"):
        evidence.append(Guess("openai", 0.2, "path /realtime"))
    return _strongest(evidence)


def guess_live_by_url(url: str, profiles: Iterable[LiveProfile]) -> Guess:
    """The dialect of Live that is spoken at a URL."""
    return _strongest(_addressed(urlsplit(url), profiles), nothing=_NOTHING_LIVE)


def _addressed(parts: SplitResult, profiles: Iterable[FrameProfile]) -> list[Guess]:
    """What host and path show."""
    host = (parts.hostname or "").lower()
    evidence: list[Guess] = []
    for profile in profiles:
        ends = [end for end in profile.hosts if host == end or host.endswith(f".{end}")]
        evidence.extend(Guess(profile.name, _BY_HOST, f"host {end}") for end in ends)
        if profile.path is not None and profile.path in parts.path:
            evidence.append(Guess(profile.name, _BY_PATH, f"path {profile.path}"))
    return evidence


def guess_by_frame(frame: Mapping[str, Any]) -> Guess:
    """The dialect that a frame is in; the first one that a server sends is the best evidence."""
    return _strongest(_seen(dict(frame), FRAME_SIGNS))


def guess_live_by_frame(frame: Mapping[str, Any]) -> Guess:
    """The dialect of Live that a frame of either side is in."""
    return _strongest(_seen(dict(frame), LIVE_SIGNS), nothing=_NOTHING_LIVE)


def _seen(frame: dict[str, Any], signs: Iterable[Sign]) -> list[Guess]:
    return [Guess(sign.dialect, sign.weight, sign.reason) for sign in signs if _holds(frame, sign)]


def _holds(frame: dict[str, Any], sign: Sign) -> bool:
    if sign.of_type is not None and not re.fullmatch(sign.of_type, str(frame.get("type"))):
        return False
    if any(find(frame, path) is not ABSENT for path in sign.without):
        return False
    value = find(frame, sign.path)
    if value is ABSENT or (sign.kind is not None and not isinstance(value, sign.kind)):
        return False
    return sign.pattern is None or (isinstance(value, str) and re.fullmatch(sign.pattern, value) is not None)


def _strongest(evidence: list[Guess], *, nothing: Guess = _NOTHING) -> Guess:
    """Signs of one dialect add up: each leaves less doubt. Of equals the one that was seen first counts."""
    doubts: dict[str, float] = {}
    for guess in evidence:
        doubts[guess.dialect] = doubts.get(guess.dialect, 1.0) * (1 - guess.confidence)
    if not doubts:
        return nothing
    dialect = min(doubts, key=lambda name: doubts[name])
    reasons = [guess.reason for guess in evidence if guess.dialect == dialect]
    # What speaks for others is doubt as well.
    others = [
        1 - doubt
        for name, doubt in doubts.items()
        if name not in (dialect, _COUSINS.get(dialect)) and (dialect in _ERAS or name not in _ERAS)
    ]
    confidence = (1 - doubts[dialect]) * (1 - max(others, default=0.0) / 2)
    return Guess(dialect, min(round(confidence, 2), _NEVER_MORE), "; ".join(reasons))
