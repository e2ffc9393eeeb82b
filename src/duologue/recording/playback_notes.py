"""Notes of what is heard of the model's speech, few enough for a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from duologue.recording.lines import PlaybackNote

__all__ = ["PlaybackNotes"]

_NOTED_MS: Final = 1000
"""A part is noted when it begins to be heard, after each second of it, and at its end."""

_REMEMBERED: Final = 256
"""Parts that are being heard: as many as the playback ledger of a client remembers."""


class PlaybackNotes:
    """Calls `note` for what players report, which they do many times a second."""

    def __init__(self, note: Callable[[PlaybackNote], None]) -> None:
        self._note = note
        self._heard_ms: dict[tuple[str, int], int] = {}
        """By part: what was noted last."""

    def heard(self, item_id: str, content_index: int, heard_ms: int, is_over: bool) -> None:
        """So much of a part was heard by now; is it over? To be the `watch` of a `PlaybackLedger`."""
        part = (item_id, content_index)
        noted_ms = self._heard_ms.get(part)
        if not is_over and noted_ms is not None and heard_ms - noted_ms < _NOTED_MS:
            return
        self._heard_ms.pop(part, None)
        if not is_over:
            self._heard_ms[part] = heard_ms
            if len(self._heard_ms) > _REMEMBERED:
                del self._heard_ms[next(iter(self._heard_ms))]
        self._note(PlaybackNote(item_id=item_id, content_index=content_index, heard_ms=heard_ms, is_over=is_over))
