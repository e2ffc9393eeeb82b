"""What was received of the model's speech, and what of it was really heard.

    use · received · all_received       what the wire brings
    heard · heard_until                 what the player reports
    interrupt                           the user talks: where to cut

Positions are bytes of the wire's format, so that no rounding can ask the server for more than it has sent.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.events import ConversationItemTruncateEvent
from duologue.protocol.states import PLAYBACK, PlaybackInput, PlaybackState, ReportIllegal, raise_illegal, step

__all__ = ["Interruption", "PlaybackLedger"]

_REMEMBERED: Final = 256
"""Parts of which something is known; what was said so long ago is not played any more."""


class Interruption(Struct, frozen=True, kw_only=True):
    """What to do about an interruption: stop the player, and send `truncate` if there is one."""

    truncate: ConversationItemTruncateEvent | None
    """Cuts the part that was being heard to what was heard of it."""
    cut: tuple[tuple[str, int], ...]
    """Every part (item id, content index) of which something will not be heard any more."""


class _Part(Struct):
    encoding: Encoding
    received_bytes: int = 0
    heard_bytes: int = 0
    state: PlaybackState = PlaybackState.RECEIVING


class PlaybackLedger:
    """The model's speech by (item id, content index). `encoding` is that of parts that begin from now on."""

    def __init__(self, encoding: Encoding = PCM, *, report_illegal: ReportIllegal = raise_illegal) -> None:
        self.encoding = encoding
        self._report_illegal = report_illegal
        self._parts: dict[tuple[str, int], _Part] = {}
        self._open: dict[tuple[str, int], _Part] = {}
        self._heard_last: tuple[str, int] | None = None

    # --- what the wire brings

    def received(self, item_id: str, content_index: int, n_bytes: int) -> bool:
        """More speech of a part. False if the part is over: it was cut, and what still comes is not to be played."""
        key = (item_id, content_index)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = self._open[key] = _Part(self.encoding)
            self._forget_oldest()
        if part.state is not PlaybackState.RECEIVING:
            return False
        part.received_bytes += n_bytes
        return True

    def all_received(self, item_id: str, content_index: int) -> None:
        """No more speech of this part will come."""
        key = (item_id, content_index)
        part = self._parts.get(key)
        # Said again, or of a part that was cut meanwhile, it is no news.
        if part is not None and part.state is PlaybackState.RECEIVING:
            self._step(key, part, PlaybackInput.ALL_RECEIVED)
            self._settle(key, part)

    # --- what the player reports

    def heard(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """So many more bytes of a part, in the wire's format, have left the loudspeaker."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            self._heard_to((item_id, content_index), part, part.heard_bytes + max(n_bytes, 0))

    def heard_until(self, item_id: str, content_index: int = 0, *, position_ms: int) -> None:
        """A part has been heard up to here; for players that have another rate than the wire."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            self._heard_to((item_id, content_index), part, part.encoding.bytes_for_ms(max(position_ms, 0)))

    # --- what follows from it

    def interrupt(self) -> Interruption:
        """The user talks: every part that is not over ends here. A second call finds nothing left to cut."""
        last = self._open.get(self._heard_last) if self._heard_last is not None else None
        truncate = None
        if last is not None and self._heard_last is not None:
            audio_end_ms = last.encoding.duration_ms(last.heard_bytes)
            if audio_end_ms > 0:
                item_id, content_index = self._heard_last
                truncate = ConversationItemTruncateEvent(
                    item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
                )
        cut = tuple(self._open)
        for key, part in list(self._open.items()):
            self._step(key, part, PlaybackInput.INTERRUPTED)
        return Interruption(truncate=truncate, cut=cut)

    def forget(self, item_id: str) -> None:
        """The item is gone: nothing of it can be cut any more."""
        for key, part in [entry for entry in self._open.items() if entry[0][0] == item_id]:
            self._step(key, part, PlaybackInput.INTERRUPTED)

    def clear(self) -> None:
        """Another session begins: its server knows none of these items."""
        self._parts.clear()
        self._open.clear()
        self._heard_last = None

    def received_bytes(self, item_id: str, content_index: int = 0) -> int:
        """Bytes of a part that have come and are, or were, to be played."""
        part = self._parts.get((item_id, content_index))
        return 0 if part is None else part.received_bytes

    def heard_ms(self, item_id: str, content_index: int = 0) -> int:
        """How much of a part was heard, in whole milliseconds."""
        part = self._parts.get((item_id, content_index))
        return 0 if part is None else part.encoding.duration_ms(part.heard_bytes)

    @property
    def playing(self) -> bool:
        """Whether there is speech that has come and was not heard."""
        return any(part.heard_bytes < part.received_bytes for part in self._open.values())

    def _heard_to(self, key: tuple[str, int], part: _Part, n_bytes: int) -> None:
        if part.state in (PlaybackState.PLAYED, PlaybackState.CUT):
            return
        part.heard_bytes = max(part.heard_bytes, min(n_bytes, part.received_bytes))
        self._heard_last = key
        self._settle(key, part)

    def _forget_oldest(self) -> None:
        if len(self._parts) > _REMEMBERED:
            oldest = next(iter(self._parts))
            del self._parts[oldest]
            self._open.pop(oldest, None)

    def _settle(self, key: tuple[str, int], part: _Part) -> None:
        if part.state is PlaybackState.RECEIVED and part.heard_bytes >= part.received_bytes:
            self._step(key, part, PlaybackInput.ALL_HEARD)

    def _step(self, key: tuple[str, int], part: _Part, happened: PlaybackInput) -> None:
        part.state = step(PLAYBACK, part.state, happened, report=self._report_illegal) or part.state
        if part.state in (PlaybackState.PLAYED, PlaybackState.CUT):
            self._open.pop(key, None)
