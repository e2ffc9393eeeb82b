"""What a translation reports to its application: small immutable values, in the order of the server's events."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.events import TranslationErrorEvent, TranslationSession

__all__ = [
    "SourceText",
    "TranslatedAudio",
    "TranslatedText",
    "TranslationEnded",
    "TranslationErrorReported",
    "TranslationLine",
    "TranslationNotice",
    "TranslationSessionChanged",
    "TranslationSide",
    "TranslationUnreadable",
    "TranslationUpdateEnded",
]

TranslationSide: TypeAlias = Literal["source", "translation"]
"""What was said, or its translation."""


class TranslationSessionChanged(Struct, frozen=True):
    """The session as the server has sent it: at the begin, and after each update."""

    session: TranslationSession
    """As the server sent it: all settings."""


class TranslationUpdateEnded(Struct, frozen=True, kw_only=True):
    """An update was taken, or not."""

    event_id: str
    """The id of the `session.update`."""
    error: TranslationErrorEvent | None = None
    """The answer that refuses it, if there is one."""
    reason: str = ""
    """Why there is no answer, if there is none."""


class TranslatedAudio(Struct, frozen=True, kw_only=True):
    """The next piece of the translated speech."""

    audio: bytes
    """Samples in `encoding`, mono."""
    encoding: Encoding = PCM
    """Format and rate: PCM16 at 24,000 Hz."""
    elapsed_ms: int | None = None
    """Where it belongs in the stream; None if the server does not say it."""

    def __repr__(self) -> str:
        size = f"<{len(self.audio)} bytes of {self.encoding.type}>"
        return f"TranslatedAudio(audio={size}, elapsed_ms={self.elapsed_ms})"


class SourceText(Struct, frozen=True, kw_only=True):
    """The next piece of the source speech as text. Pieces bring their own spaces."""

    text: str
    """To be put behind the pieces before."""
    elapsed_ms: int | None = None
    """Where it belongs in the stream, in milliseconds; None if the server does not say it."""


class TranslatedText(Struct, frozen=True, kw_only=True):
    """The next piece of the translation as text. Pieces bring their own spaces."""

    text: str
    """To be put behind the pieces before."""
    elapsed_ms: int | None = None
    """Where it belongs in the stream, in milliseconds; None if the server does not say it."""


class TranslationLine(Struct, frozen=True, kw_only=True):
    """Text of one side up to the end of a sentence, to a pause, or to a length that fits a subtitle."""

    side: TranslationSide
    """What was said, or its translation."""
    text: str
    """One line, without a break."""
    start_ms: int | None = None
    """`elapsed_ms` of its first piece, and of its last one."""
    end_ms: int | None = None
    """`elapsed_ms` of its last piece."""


class TranslationErrorReported(Struct, frozen=True):
    """The server reported an error that answers no update; the session goes on."""

    event: TranslationErrorEvent
    """As the server sent it."""


class TranslationUnreadable(Struct, frozen=True):
    """The server sent something that is no event of a translation session, or does not hold together."""

    wire_type: str | None
    """The `type` of the message, if it has one."""
    problem: str
    """What is wrong with it, in a sentence."""


class TranslationEnded(Struct, frozen=True, kw_only=True):
    """The session is over: nothing more comes."""

    finalised: bool
    """Whether the server has said that everything is translated. Otherwise the last words may be missing."""
    reason: str = ""
    """In a sentence; empty for an end as agreed."""
    error: TranslationErrorEvent | None = None
    """The error with which the server ended it."""


TranslationNotice: TypeAlias = (
    TranslationSessionChanged
    | TranslationUpdateEnded
    | TranslatedAudio
    | SourceText
    | TranslatedText
    | TranslationLine
    | TranslationErrorReported
    | TranslationUnreadable
    | TranslationEnded
)
"""Every notice of a translation."""
