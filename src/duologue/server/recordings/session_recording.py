"""The recording of one session: the event loop puts its lines, and the thread writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from duologue.errors import RecordingError
from duologue.recording import (
    Direction,
    Frame,
    Header,
    MarkNote,
    NoteLine,
    RecordingLine,
    RecordingWriter,
    SessionFamily,
)
from duologue.server.recordings.space import Space
from duologue.server.recordings.writing_thread import Passed, WritingThread

__all__ = ["SessionRecording"]

_PIECE_BYTES: Final = 1 << 20
"""What is gathered before it is written in any case: a client may send much in half a second."""

_DIGITS: Final = 6
"""Of seconds: microseconds."""

_FULL: Final = "the limit of the folder is reached: take recordings away"
_TOO_SLOW: Final = "the disk takes too long"


class SessionRecording:
    """Writes one file, which is made by the thread too. A tap of its session."""

    def __init__(
        self, path: str, header: Header, *, thread: WritingThread, space: Space, told: Callable[[str | None], None]
    ) -> None:
        """`told` is called from either thread with what ends the recording, and with None when it has begun well."""
        self._path = path
        self._header = header
        self._thread = thread
        self._space = space
        self._on_trouble = told
        self._writer: RecordingWriter | None = None
        self._is_over = False
        """Set by either thread, and then left: nothing more is recorded."""
        self._is_told_well = False
        self._last_s = 0.0
        """The time of the last message."""

    # --- in the event loop

    def passed(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        """Have a message written."""
        if not self._is_over and not self._thread.put(self, (at_s, direction, message), n_bytes=len(message)):
            self._stop(_TOO_SLOW)

    def told(self, line: RecordingLine, /) -> None:
        """Have another line written."""
        if not self._is_over and not self._thread.put(self, line):
            self._stop(_TOO_SLOW)

    def ended(self) -> None:
        """Have the file closed behind its last line."""
        self._thread.put(self, None)

    # --- in the thread

    def take(self, line: Passed | RecordingLine | None, /) -> None:
        """Gather a line. The first one makes the file, None closes it."""
        try:
            if line is None:
                self._close()
            elif not self._is_over and (writer := self._opened()) is not None:
                if isinstance(line, tuple):
                    at_s, direction, message = line
                    self._last_s = round(at_s, _DIGITS)
                    line = Frame(at_s=self._last_s, direction=direction, message=message)
                writer.write_line(line)
                if writer.gathered_bytes >= _PIECE_BYTES:
                    self.write_out()
        except Exception as fault:  # a fault of ours in one recording must not end the thread of all
            self._stop(f"{type(fault).__name__}: {fault}")

    def write_out(self) -> None:
        """Write what was gathered. At the limit of the folder the recording ends, and says so."""
        writer = self._writer
        if writer is None or self._is_over:
            return
        if self._space.is_full:
            note = MarkNote(text=f"the recording ends here: {_FULL}")
            writer.write_line(NoteLine(at_s=self._last_s, note=note))
        n_bytes = writer.gathered_bytes
        writer.flush()
        if writer.failure is not None:
            return
        if self._space.is_full:
            self._stop(_FULL)
            return
        self._space.add(n_bytes)
        if not self._is_told_well:
            self._is_told_well = True
            self._on_trouble(None)

    def _opened(self) -> RecordingWriter | None:
        """The writer; None if there can be none."""
        if self._writer is None:
            if not self._space.has_room():
                self._stop(_FULL)
                return None
            header = self._header
            try:
                self._writer = RecordingWriter(
                    self._path,
                    side=header.side,
                    clock=lambda: 0.0,  # each line has its time
                    replace=False,
                    gathers=True,
                    started_at=header.started_at,
                    url=header.url,
                    model=header.model,
                    dialect=header.dialect,
                    family=cast("SessionFamily | None", header.family),
                    subject=header.subject,
                    medium=header.medium,
                    failed=lambda failure: self._stop(str(failure)),
                )
            except RecordingError as fault:
                self._stop(str(fault))
        return self._writer

    def _close(self) -> None:
        self.write_out()
        self._is_over = True
        if self._writer is not None:
            self._writer.close()

    # --- in either

    def _stop(self, why: str) -> None:
        self._is_over = True
        self._on_trouble(why)
