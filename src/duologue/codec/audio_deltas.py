"""Writes the audio deltas of responses without looking for what JSON would escape in their base64, where nothing is."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from duologue.codec import encode
from duologue.events import ResponseAudioDeltaEvent

__all__ = ["AudioDeltaWriter"]

_HEAD: Final = b'{"type":"response.output_audio.delta","event_id":"'
_TAIL: Final = b'"}'


class AudioDeltaWriter:
    """For one session. The deltas of a content part differ in their `event_id` and their `delta` only, so what lies
    between is written once."""

    def __init__(self) -> None:
        self._part: tuple[object, ...] = ()
        self._between = b""

    def write(self, event: ResponseAudioDeltaEvent) -> bytes:
        """What `encode` writes of it. Its `delta` has to be base64, which is not checked."""
        part = (event.response_id, event.item_id, event.output_index, event.content_index)
        if part != self._part:
            self._begin(event, part)
        # Letters, digits and low lines: nothing that would be escaped.
        if not self._between or event.extra or not event.event_id.isidentifier():
            return encode(event)
        return b"".join((_HEAD, event.event_id.encode(), self._between, event.delta.encode(), _TAIL))

    def _begin(self, event: ResponseAudioDeltaEvent, part: tuple[object, ...]) -> None:
        empty = encode(replace(event, event_id="", delta=""))
        is_plain = empty.startswith(_HEAD) and empty.endswith(b'"delta":""}')
        self._part, self._between = part, empty[len(_HEAD) : -len(_TAIL)] if is_plain else b""
