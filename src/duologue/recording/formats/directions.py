"""Which way a frame went: by a word or an arrow beside it, or by the type of its event."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, get_args

from duologue.codec import EVENT_CLASSES
from duologue.codec.families import TRANSLATION_CLASSES
from duologue.dialects import PROFILES
from duologue.dialects.names import CANONICAL
from duologue.events import AnyClientEvent, AnyServerEvent
from duologue.recording.lines import Direction

__all__ = ["direction_of_prefix", "direction_of_type", "direction_of_word", "is_event_name"]

_SENT: Final = (
    "sent send sending sends out outgoing outbound tx client c2s user framesent frame_sent framesend websocketframesent"
    " ws_send clienttoserver client_to_server client-to-server to_server upstream browser request write wrote emit"
    " > >> >>> -> --> => → ↑ ⬆ ▲ ► ▶ ⇒ ➡"
)
_RECEIVED: Final = (
    "received receive receiving recv recvd rcvd in incoming inbound rx server s2c framereceived frame_received"
    " websocketframereceived ws_receive ws_recv servertoclient server_to_client server-to-client to_client downstream"
    " assistant model openai response read < << <<< <- <-- <= ← ↓ ⬇ ▼ ◄ ◀ ⇐ ⬅"
)
_SENT_WORDS: Final = frozenset(_SENT.split())
_RECEIVED_WORDS: Final = frozenset(_RECEIVED.split())
"""What programs call the two directions, as a client sees them: `>` is sent in wscat, websocat and websockets."""

_ONLY_ALONE: Final = frozenset("in out request response read write user model openai assistant browser".split())
"""Words that are about something else where they stand in a sentence."""

_PHRASES: Final[tuple[tuple[re.Pattern[str], Direction], ...]] = (
    (re.compile(r"\b(?:to|->|→) ?(?:the )?(?:server|upstream|api|openai|model)\b"), "sent"),
    (re.compile(r"\b(?:from|<-|←) ?(?:the )?(?:server|upstream|api|openai|model)\b"), "received"),
    (re.compile(r"\b(?:to|->|→) ?(?:the )?(?:client|browser|user)\b"), "received"),
    (re.compile(r"\b(?:from|<-|←) ?(?:the )?(?:client|browser|user)\b"), "sent"),
)

_ARROWS: Final = "<>-=" + "".join(word for word in (_SENT + _RECEIVED).split() if not word.isascii())
_BESIDE: Final = " \t:|'\"b\ufe0f"
"""What may stand between an arrow and a frame: quotation marks, also of Python's bytes, and half of an emoji."""

_OPCODES: Final = ("TEXT", "BINARY")
"""Words of the websockets library that do so too."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

_REQUESTS: Final = frozenset(
    "append cancel clear close commit create delete finish retrieve start truncate update".split()
)
"""Last words of what a client asks for. What a server reports is in the past tense, or a noun."""


def direction_of_word(word: object) -> Direction | None:
    """The direction that a value of a field means."""
    if not isinstance(word, str):
        return None
    plain = word.strip().lower()
    return _meaning(plain) or _meaning(plain.rpartition(".")[2])


def _meaning(word: str) -> Direction | None:
    return "sent" if word in _SENT_WORDS else "received" if word in _RECEIVED_WORDS else None


def direction_of_prefix(prefix: str) -> Direction | None:
    """The direction that the text before a frame means: an arrow just before it, a phrase, a word, or another arrow."""
    text = _COLOUR.sub("", prefix)
    if (direction := _of_arrow_at_end(text)) is not None:
        return direction
    low = text.lower()
    for phrase, direction in _PHRASES:
        if phrase.search(low):
            return direction
    words = [word for word in re.split(r"[^a-z0-9_]+", low) if word]
    for word in words:
        if (direction := _meaning(word)) and (word not in _ONLY_ALONE or len(words) == 1):
            return direction
    for word in text.split():
        if (direction := _of_arrow_at_end(word)) is not None and not word.strip(_ARROWS + _BESIDE):
            return direction
    return None


def _of_arrow_at_end(text: str) -> Direction | None:
    tail = text.rstrip(_BESIDE)
    for opcode in _OPCODES:
        tail = tail.removesuffix(opcode).rstrip(_BESIDE)
    arrow = tail[len(tail.rstrip(_ARROWS)) :]
    return _meaning(arrow) or _meaning(arrow.strip("-="))


def direction_of_type(name: str | None) -> Direction:
    """Which side sends events of this type, as a client sees it. Of unknown ones, the last word tells."""
    if name is None:
        return "received"
    known = CANONICAL.get(name, name)
    if known in _client_names() | _server_names():
        return "sent" if known in _client_names() else "received"
    return "sent" if name.rpartition(".")[2] in _REQUESTS else "received"


@cache
def _client_names() -> frozenset[str]:
    return frozenset(cls.__struct_config__.tag for cls in get_args(AnyClientEvent))


@cache
def _server_names() -> frozenset[str]:
    return frozenset(cls.__struct_config__.tag for cls in get_args(AnyServerEvent))


def is_event_name(name: object) -> bool:
    """Whether some dialect has an event of this name."""
    return isinstance(name, str) and name in _event_names()


@cache
def _event_names() -> frozenset[str]:
    from duologue.codec.live import LIVE_CLASSES  # here, because most files do without the family

    spelled = [name for profile in PROFILES.values() for name in (*profile.names, *profile.heartbeats)]
    return frozenset([*EVENT_CLASSES, *TRANSLATION_CLASSES, *LIVE_CLASSES, *CANONICAL, *spelled]) - {"ping"}
