"""A Live session on a call: its sound for the caller, and what the caller says and types for it.

Live has no turns and nothing to truncate: the model hears the caller while it speaks, and stops by itself. Its sound
comes in real time, silence included, so there is little in the carrier's queue that an interruption would have to
empty. What came late is caught up with by leaving out silence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from duologue.client.live.playback import MAX_AHEAD_S, is_quiet
from duologue.client.live.session import Live
from duologue.client.sound.playout import ItemPart
from duologue.errors import ConnectionClosedOK, DuologueError, LocalProtocolError
from duologue.events.live import UnknownLiveEvent
from duologue.printable import printable
from duologue.protocol.client.notices import AudioDelta
from duologue.protocol.live.client.notices import LiveAudioPiece
from duologue.telephony.bridge import Bridge, BridgeRequest, CallerSpeech, KeysPressed

__all__ = ["LiveLeg"]

_logger = logging.getLogger(__name__)

_TRACK: Final = ItemPart("live", 0)
"""The sound of a session is one track: for the bridge, one part of one item."""

_SETTLED_S: Final = 3.0
"""A model that was told to say goodbye begins within two seconds; no event says when it has nothing more to say."""


class LiveLeg:
    """What a Live session tells the bridge of a call, and gets from it. Attach it to the session.

    `changed` is called after each thing that the bridge was told.
    """

    def __init__(self, live: Live, bridge: Bridge, *, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._live = live
        self._bridge = bridge
        self._now = now
        self._changed = changed
        self._received_bytes = 0
        bridge.settled_s = _SETTLED_S

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        match notice:
            case LiveAudioPiece():
                self._sound(notice)
            case UnknownLiveEvent() if notice.wire_type in self._live.drops_output:
                self._bridge.interrupted()
                self._changed()
            case _:
                pass  # says nothing about sound

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._bridge.conversation_over("the session is over" if isinstance(fault, ConnectionClosedOK) else str(fault))
        self._changed()

    def _sound(self, piece: LiveAudioPiece) -> None:
        now, bridge = self._now(), self._bridge
        if not is_quiet(piece):
            bridge.unsettle(now)
        elif bridge.hangs_up or bridge.unheard_ms(now) > 1000 * MAX_AHEAD_S:
            return
        self._received_bytes += len(piece.audio)
        delta = AudioDelta(
            response_id="",
            item_id=_TRACK.item_id,
            content_index=_TRACK.content_index,
            audio=piece.audio,
            encoding=piece.encoding,
        )
        bridge.notice(delta, received_bytes=lambda part: self._received_bytes, now=now)
        self._changed()

    async def carry_out(self, request: BridgeRequest) -> None:
        """What the bridge wants of the session.

        Raises:
            SessionLost, ConnectionClosed: the session is over.
        """
        match request:
            case CallerSpeech(audio=audio):
                started = self._bridge.started
                await self._live.send_audio(audio, encoding=started.encoding if started is not None else None)
            case KeysPressed(keys=keys):
                try:
                    await self._live.append_thinking(f"[keys] {keys}")
                except LocalProtocolError as fault:  # while a clip is being played
                    _logger.warning("keys of a call are lost: %s", printable(str(fault)))
            case _:
                pass  # belongs to responses, which Live has not
