"""Makes the lanes of a page of a recording, line by line, while it is written or afterwards.

    fold = LaneFold(recording.header, store=FileStore(tempfile.TemporaryFile()))
    for line in recording.lines():
        changes = fold.push(line)      # rows of `fold.call.view`, rows of `fold.lanes`, the row of the line
    fold.finish()

`store` keeps the samples; without one there are peaks and no sounds. What is in memory does not grow with the audio,
but for a byte each 10 ms of it, and some fifty bytes for each frame.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError
from duologue.events import RealtimeEvent
from duologue.inspection.fold import CallFold
from duologue.inspection.page.brackets import BracketLane
from duologue.inspection.page.frame_rows import FrameRow, FrameTable
from duologue.inspection.page.lanes import LaneChange, Lanes
from duologue.inspection.page.sound_lanes import ModelSounds, UserSounds
from duologue.inspection.page.sounds import SoundStore
from duologue.inspection.page.talk import TalkFigures, talk_of
from duologue.inspection.page.text_lanes import TextLanes
from duologue.inspection.reading import ReadEvent
from duologue.inspection.rows import Change
from duologue.inspection.spans import heard_until
from duologue.inspection.view import CallTurn
from duologue.recording import Frame, Header, RecordingLine

__all__ = ["LaneFold", "LineChanges"]


_LATEST: Final = 16
"""Parts that are heard last: they are played one behind the other."""


class LineChanges(Struct, frozen=True, kw_only=True):
    """What a line has changed."""

    frame: FrameRow
    """Its own row."""
    content: dict[str, Any] | None
    """The JSON object of a frame that is one."""
    call: list[Change]
    """Rows of the `CallView`."""
    lanes: list[LaneChange]


class LaneFold:
    """Folds the lines of one recording. `call.view` and `lanes` are what they are so far."""

    def __init__(
        self,
        header: Header | None = None,
        *,
        dialect: str | None = None,
        user_store: SoundStore | None = None,
        model_store: SoundStore | None = None,
        digests: bool = False,
    ) -> None:
        """`dialect` is that of the frames, as `CallFold` takes it. The stores may be one and the same.

        With `digests`, the call can be compared with another one.
        """
        self.call: CallFold = CallFold(header, dialect=dialect)
        self.lanes: Lanes = Lanes(self.call.view.heard)
        self.frames: FrameTable = FrameTable()
        self.user: UserSounds = UserSounds(self.lanes, user_store, digests=digests)
        self.model: ModelSounds = ModelSounds(model_store)
        self._texts = TextLanes(self.lanes)
        self._has_items = False
        """Whether it is a Realtime session: the others have no items, and their words are those of turns."""
        self._brackets = BracketLane(self.call.view, self.lanes)

    def push(self, line: RecordingLine) -> LineChanges:
        """Take the next line."""
        changes = self.call.push(line)
        read = self.call.read
        content = _content(line) if read is not None and read.event is not None else None
        frame = self.frames.push(line, read, content)
        if isinstance(line, Frame) and read is not None:
            self._frame(line, read, frame)
        for change in changes:
            if change.kind == "turns" and isinstance(line, Frame):
                self._turned(self.call.view.turns[change.index], line)
        self._brackets.take(changes, frame)
        for change in changes:
            if change.kind == "heard":
                self.lanes.touch_heard(change.index)
        return LineChanges(frame=frame, content=content, call=changes, lanes=self.lanes.take())

    def _frame(self, line: Frame, read: ReadEvent, row: FrameRow) -> None:
        sound = read.sound
        if sound is not None and read.by == "client":
            self.user.spoken(sound, line.at_s, line.connection)
            self._brackets.user_spoke(row.number, line.at_s)
        elif sound is not None:
            self.model.came(sound, read.event, line.at_s, line.connection)
        elif isinstance(read.event, RealtimeEvent) and not read.is_unknown:
            self._has_items = True
            self.user.take(read.event, line.connection)
            self._texts.take(read.event, line.at_s, self.user)

    def _turned(self, turn: CallTurn, line: Frame) -> None:
        self.user.turned(turn, line.connection)
        if not self._has_items:
            self._texts.turned(turn, line.at_s)

    @property
    def duration_s(self) -> float:
        """Of the call: to its last line, or to the end of what is heard then."""
        latest = [part.spans[-1].end_s for part in self.call.view.heard[-_LATEST:] if part.spans and not part.cut_by]
        heard_s = max(latest, default=0.0)
        return max(self.call.view.last_at_s, heard_s)

    def talk(self) -> TalkFigures:
        """Who talked how long: the user by the server's detector, or by ours where it has said nothing."""
        bars = self.lanes.user_speech or self.lanes.user_energy
        user = ((bar.begin_s, self.duration_s if bar.end_s is None else bar.end_s) for bar in bars)
        heard = (span for part in self.call.view.heard for span in heard_until(part.spans, part.heard_ms)[0])
        return talk_of(user, ((span.begin_s, span.end_s) for span in heard), self.duration_s)

    def finish(self) -> list[LaneChange]:
        """No line follows: speech that goes on ends here."""
        self.user.finish(self.duration_s)
        return self.lanes.take()


def _content(line: RecordingLine) -> dict[str, Any] | None:
    if not isinstance(line, Frame):
        return None
    try:
        return parse_object(line.message)
    except DecodeError:
        return None
