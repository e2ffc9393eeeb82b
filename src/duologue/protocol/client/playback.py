"""How much of the model's speech was received, and how much of that was played.

    received · all_received       what the server sends
    played · played_to · played_until    what the player reports
    interrupt                     the user talks: where to cut

Positions are bytes of the wire's format: a rounded one could make a truncate longer than the audio, which the server
rejects (rule `error.truncate_too_late`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.events import ConversationItemTruncateEvent
from duologue.protocol.states import PLAYBACK, PlaybackInput, PlaybackState, ReportIllegal, raise_illegal, step

__all__ = ["Interruption", "PlaybackLedger", "PlaybackWatch"]

_REMEMBERED: Final = 256
"""Parts that are kept; older ones are not played any more."""


class Interruption(Struct, frozen=True, kw_only=True):
    """What an interruption needs: stop the player, and send `truncate` if there is one."""

    truncate: ConversationItemTruncateEvent | None
    """Cuts the part that was playing to what was played of it (rule `barge_in.websocket`)."""
    cut: tuple[tuple[str, int], ...]
    """Every part (item id, content index) that will not be played to its end."""


PlaybackWatch: TypeAlias = Callable[[str, int, int, bool], None]
"""Takes item id, content index, how many milliseconds of it were heard, and whether no more will be."""


class _Part(Struct):
    encoding: Encoding
    received_bytes: int = 0
    played_bytes: int = 0
    state: PlaybackState = PlaybackState.RECEIVING


class PlaybackLedger:
    """The model's speech by (item id, content index). `encoding` is that of new parts."""

    def __init__(self, encoding: Encoding = PCM, *, report_illegal: ReportIllegal = raise_illegal) -> None:
        self.encoding = encoding
        self._report_illegal = report_illegal
        self._parts: dict[tuple[str, int], _Part] = {}
        self._open: dict[tuple[str, int], _Part] = {}
        self._last_played: tuple[str, int] | None = None
        self.watch: PlaybackWatch | None = None
        """Called with each report of the player, and when a part is over; not before the player's first report."""

    # --- what the server sends

    def received(self, item_id: str, content_index: int, n_bytes: int) -> bool:
        """More speech of a part, also behind its end. False if it was cut: the rest of it is not played."""
        key = (item_id, content_index)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = self._open[key] = _Part(self.encoding)
            self._forget_oldest()
        if part.state is PlaybackState.CUT:
            return False
        if part.state is not PlaybackState.RECEIVING:
            self._step(key, part, PlaybackInput.MORE_RECEIVED)
            self._open[key] = part
        part.received_bytes += n_bytes
        return True

    def all_received(self, item_id: str, content_index: int) -> None:
        """All speech of this part has been received."""
        key = (item_id, content_index)
        part = self._parts.get(key)
        # A repetition, or the end of a part that was cut meanwhile, changes nothing.
        if part is not None and part.state is PlaybackState.RECEIVING:
            self._step(key, part, PlaybackInput.ALL_RECEIVED)
            self._settle(key, part)

    # --- what the player reports

    def played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """This many more bytes of a part, in the wire's format, have left the loudspeaker."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            self._played_to((item_id, content_index), part, part.played_bytes + max(n_bytes, 0))

    def played_to(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """So many bytes of a part, counted from its beginning, have left the loudspeaker."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            self._played_to((item_id, content_index), part, n_bytes)

    def received_bytes(self, item_id: str, content_index: int = 0) -> int:
        """How much of a part has been received; 0 for one that is not known."""
        part = self._parts.get((item_id, content_index))
        return part.received_bytes if part is not None else 0

    def played_until(self, item_id: str, content_index: int = 0, *, position_ms: int) -> None:
        """A part has been played up to this position; for players that have another rate than the wire."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            self._played_to((item_id, content_index), part, part.encoding.bytes_for_ms(max(position_ms, 0)))

    # --- what follows from it

    def interrupt(self) -> Interruption:
        """The user talks: cut every part that is not over. A second call has nothing left to cut."""
        last = self._open.get(self._last_played) if self._last_played is not None else None
        truncate = None
        if last is not None and self._last_played is not None:
            audio_end_ms = last.encoding.duration_ms(last.played_bytes)
            if audio_end_ms > 0:
                item_id, content_index = self._last_played
                truncate = ConversationItemTruncateEvent(
                    item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
                )
        cut = tuple(self._open)
        for key, part in list(self._open.items()):
            self._step(key, part, PlaybackInput.INTERRUPTED)
        return Interruption(truncate=truncate, cut=cut)

    def forget(self, item_id: str) -> None:
        """The item is deleted: it can no longer be truncated."""
        for key, part in [entry for entry in self._open.items() if entry[0][0] == item_id]:
            self._step(key, part, PlaybackInput.INTERRUPTED)

    def clear(self) -> None:
        """Another session begins: its server has none of these items."""
        self._parts.clear()
        self._open.clear()
        self._last_played = None

    @property
    def playing(self) -> bool:
        """Whether some speech has been received and not played."""
        return any(part.played_bytes < part.received_bytes for part in self._open.values())

    def _played_to(self, key: tuple[str, int], part: _Part, n_bytes: int) -> None:
        if part.state in (PlaybackState.PLAYED, PlaybackState.CUT):
            return
        part.played_bytes = max(part.played_bytes, min(n_bytes, part.received_bytes))
        self._last_played = key
        self._settle(key, part)
        if key in self._open:
            self._tell(key, part, is_over=False)

    def _forget_oldest(self) -> None:
        if len(self._parts) > _REMEMBERED:
            oldest = next(iter(self._parts))
            del self._parts[oldest]
            self._open.pop(oldest, None)

    def _settle(self, key: tuple[str, int], part: _Part) -> None:
        if part.state is PlaybackState.RECEIVED and part.played_bytes >= part.received_bytes:
            self._step(key, part, PlaybackInput.ALL_PLAYED)

    def _step(self, key: tuple[str, int], part: _Part, happened: PlaybackInput) -> None:
        part.state = step(PLAYBACK, part.state, happened, report=self._report_illegal) or part.state
        if part.state in (PlaybackState.PLAYED, PlaybackState.CUT):
            self._open.pop(key, None)
            self._tell(key, part, is_over=True)

    def _tell(self, key: tuple[str, int], part: _Part, *, is_over: bool) -> None:
        if self.watch is not None and self._last_played is not None:
            self.watch(*key, part.encoding.duration_ms(part.played_bytes), is_over)
