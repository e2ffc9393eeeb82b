"""What the protocol of a translation session asks of its shell, which has the engines and the clock."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.protocol.server.commands import Close, Detect, IllegalTransition, ToleratedFault

__all__ = ["Translate", "TranslationCommand"]


class Translate(Struct, frozen=True, kw_only=True):
    """Transcribe an utterance, translate its words, speak the translation.

    Report with `source_text`, `translated_text` and `translated_audio`, and at last with `utterance_finished` or
    `utterance_failed`. There is one at a time.
    """

    utterance_id: str
    audio: bytes
    encoding: Encoding
    language: str
    """The language to translate into."""
    source_language: str | None
    """The language of the speech, if the client has named it."""
    noise_reduction: str | None
    """"near_field" or "far_field": the microphone for which to reduce noise."""


TranslationCommand: TypeAlias = Detect | Translate | Close | ToleratedFault | IllegalTransition
