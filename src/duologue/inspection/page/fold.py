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
from duologue.inspection.page.sound_lanes import ModelSounds, UserSounds, sound_in
from duologue.inspection.page.sounds import SoundStore
from duologue.inspection.page.text_lanes import TextLanes
from duologue.inspection.rows import Change
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
    ) -> None:
        """`dialect` is that of the frames, as `CallFold` takes it. The stores may be one and the same."""
        self.call = CallFold(header, dialect=dialect)
        self.lanes = Lanes(self.call.view.heard)
        self.frames = FrameTable()
        self.user = UserSounds(self.lanes, user_store)
        self.model = ModelSounds(model_store)
        self._texts = TextLanes(self.lanes)
        self._brackets = BracketLane(self.call.view, self.lanes)

    def push(self, line: RecordingLine) -> LineChanges:
        """Take the next line."""
        changes = self.call.push(line)
        read = self.call.read
        content = _content(line) if read is not None and read.event is not None else None
        frame = self.frames.push(line, read, content)
        if isinstance(line, Frame) and read is not None and read.event is not None and not read.is_unknown:
            session = self.call.session(line.connection)
            sound = sound_in(read, session)
            if sound is not None and read.by == "client":
                self.user.heard(sound, line.at_s, line.connection)
                self._brackets.user_spoke(frame.number, line.at_s)
            elif sound is not None:
                self.model.came(sound, read, line.at_s, line.connection)
            elif isinstance(read.event, RealtimeEvent):
                self.user.take(read.event, line.at_s, line.connection, session.settings.silence_ms)
                self._texts.take(read.event, line.at_s, self.user)
        self._brackets.take(changes, frame)
        for change in changes:
            if change.kind == "heard":
                self.lanes.touch_heard(change.index)
        return LineChanges(frame=frame, content=content, call=changes, lanes=self.lanes.take())

    @property
    def duration_s(self) -> float:
        """Of the call: to its last line, or to the end of what is heard then."""
        latest = [part.spans[-1].end_s for part in self.call.view.heard[-_LATEST:] if part.spans and not part.cut_by]
        heard_s = max(latest, default=0.0)
        return max(self.call.view.last_at_s, heard_s)

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
