"""Wire names that one event has had: the beta spelling reads as the same class as the canonical one."""

from __future__ import annotations

from typing import Final

__all__ = ["ALIASES", "CANONICAL"]

CANONICAL: Final[dict[str, str]] = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
}
"""Historical spelling to canonical name. `conversation.item.created` is not here: it became two events."""

ALIASES: Final[dict[str, str]] = {canonical: alias for alias, canonical in CANONICAL.items()}
"""Canonical name to historical spelling."""
