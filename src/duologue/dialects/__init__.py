"""The dialects of the protocol: how each vendor and server differs from the canonical model, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from duologue.dialects.profile import Profile

if TYPE_CHECKING:
    from duologue.dialects.detection import Guess
    from duologue.dialects.live import LIVE_PROFILES

__all__ = ["DEFAULT_DIALECT", "DEFAULT_LIVE_DIALECT", "LIVE_PROFILES", "PROFILES", "Profile", "detect", "detect_live"]

DEFAULT_DIALECT: Final = "openai"
"""The dialect of the canonical model, and the one that is spoken where none is named."""

DEFAULT_LIVE_DIALECT: Final = "openai-live"
"""The same, of Live. No dialect of one family has the name of one of the other."""

_FAMILIES: Final = {
    "openai": "openai",
    "openai-beta": "beta",
    "azure-preview": "azure",
    "azure-voice-live": "azure",
    "xai": "xai",
    "qwen": "qwen",
    "glm": "glm",
    "stepfun": "glm",
    "inworld": "gateways",
    "yandex": "gateways",
    "together": "gateways",
    "vllm": "opensource",
    "vllm-omni": "opensource",
    "sglang": "opensource",
    "speaches": "opensource",
    "localai": "opensource",
}
"""Where each profile stands."""


class _Profiles(Mapping[str, Profile]):
    """Profiles by name, each family loaded when it is asked for: most programs speak one dialect or two."""

    def __getitem__(self, name: str) -> Profile:
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_FAMILIES)

    def __len__(self) -> int:
        return len(_FAMILIES)


@cache
def _load(name: str) -> Profile:
    profiles: tuple[Profile, ...] = import_module(f"{__name__}.{_FAMILIES[name]}").PROFILES
    return next(profile for profile in profiles if profile.name == name)


PROFILES: Final[Mapping[str, Profile]] = _Profiles()
"""Every dialect of Realtime by its name."""


def __getattr__(name: str) -> Any:
    if name == "LIVE_PROFILES":  # at its first use, as all of Live
        return import_module(f"{__name__}.live").LIVE_PROFILES
    raise AttributeError(f"module 'duologue.dialects' has no attribute {name!r}")


def detect(sign: Mapping[str, Any] | str) -> Guess:
    """The dialect that a frame is in, or that is spoken at a URL, and how sure that is.

    A server's first frame is the best evidence. Without any evidence the answer is "openai" with confidence 0.
    """
    # Its tables, and the parsing of URLs, are for those who ask.
    from duologue.dialects.detection import guess_by_frame, guess_by_url

    return guess_by_url(sign, PROFILES.values()) if isinstance(sign, str) else guess_by_frame(sign)


def detect_live(sign: Mapping[str, Any] | str) -> Guess:
    """The dialect of Live that a frame is in, or that is spoken at a URL, and how sure that is.

    The families share names, so that it is Live must be known. Without any evidence: "openai-live" with confidence 0.
    """
    from duologue.dialects.detection import guess_live_by_frame, guess_live_by_url
    from duologue.dialects.live import LIVE_PROFILES

    return guess_live_by_url(sign, LIVE_PROFILES.values()) if isinstance(sign, str) else guess_live_by_frame(sign)
