"""Answers that nothing plays: a recording says of them that all was heard, when all had come."""

from __future__ import annotations

from contextlib import suppress

from duologue.audio.formats import Encoding
from duologue.events import RealtimeEvent, ResponseAudioDeltaEvent, ResponseAudioDoneEvent
from duologue.protocol.client.playback import PlaybackLedger, PlaybackWatch

__all__ = ["HeardWhole"]


class HeardWhole:
    """Takes the server's events, and tells `heard` of each part of the model's speech at its end.

    Without this, a reader of the recording would take the next turn for an interruption: it comes before the answer
    could have been played.
    """

    def __init__(self, heard: PlaybackWatch) -> None:
        self._ledger = PlaybackLedger()
        self._ledger.watch = heard

    def take(self, event: RealtimeEvent, encoding: Encoding) -> None:
        """Take an event of the server; `encoding` is that of the session's output."""
        match event:
            case ResponseAudioDeltaEvent(item_id=item_id, content_index=index):
                self._ledger.encoding = encoding
                with suppress(ValueError):  # the timeline shows it
                    self._ledger.received(item_id, index, len(event.decode_audio()))
            case ResponseAudioDoneEvent(item_id=item_id, content_index=index):
                self._ledger.all_received(item_id, index)
                self._ledger.played_to(item_id, index, n_bytes=self._ledger.received_bytes(item_id, index))
            case _:
                pass  # the other events hold no speech
