"""Writes recordings, each line as it happens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec

from duologue.audio.files import create_file
from duologue.clock import local_date
from duologue.codec.jsontext import write_text
from duologue.errors import RecordingError
from duologue.recording.lines import (
    KIND,
    ClosedBy,
    ClosedLine,
    ConnectedLine,
    Direction,
    Frame,
    Header,
    Note,
    NoteLine,
    RecordingLine,
    SessionFamily,
    Side,
    line_to_json,
)
from duologue.recording.secrets import scrubbed, scrubbed_json, url_without_keys

__all__ = ["RecordingTarget", "RecordingWriter", "local_time"]

RecordingTarget: TypeAlias = str | os.PathLike[str] | BinaryIO
"""A path, or a binary file that is open for writing, such as `io.BytesIO()`."""

_DIGITS: Final = 6
"""Of seconds: microseconds."""


class RecordingWriter:
    """Writes a recording, each line as it happens. A context manager.

    When `write` returns, the operating system has the line: it survives a crash of the program, not of the machine.
    When writing fails, for example because the disk is full, the session goes on: the first failure is kept in
    `failure`, and nothing more is written. `write` blocks only while the line is copied into the page cache.
    With `gathers` lines wait in memory instead, until `flush` or `close` writes all of them at once.

    Secrets (`duologue.recording.secrets` says which) are replaced by their length, unless `keep_secrets` is True.
    """

    def __init__(
        self,
        target: RecordingTarget,
        *,
        side: Side = "client",
        clock: Callable[[], float] = time.monotonic,
        replace: bool = True,
        gathers: bool = False,
        started_at: str | None = None,
        url: str | None = None,
        model: str | None = None,
        dialect: str | None = None,
        family: SessionFamily | None = None,
        subject: str | None = None,
        medium: str | None = None,
        keep_secrets: bool = False,
        failed: Callable[[RecordingError], None] | None = None,
    ) -> None:
        """Create the file, readable by its owner only. An existing file is replaced, unless `replace` is False.

        A file that is given open is written to, flushed after each line, and left open by `close`. The other keywords
        are fields of `Header`, `started_at` by default now; of the URL nothing is kept that may be a key, whatever
        `keep_secrets` says. `failed` is called once, when writing fails.

        Raises `RecordingError` when the file cannot be created: symbolic links are not followed. TypeError: the file is
        open for text.
        """
        self.failure: RecordingError | None = None
        """Why the recording is incomplete; None while it is complete."""
        self.frames: int = 0
        """How many frames were written."""
        self.side: Side = side
        self._clock = clock
        self._started_s = clock()
        self._keeps_secrets = keep_secrets
        self._failed = failed
        self._is_closed = False
        self._gathered: bytearray | None = bytearray() if gathers else None
        self._is_own = isinstance(target, str | os.PathLike)
        if isinstance(target, str | os.PathLike):
            self.path: str = os.fspath(target)
            try:
                # Unbuffered: what was written survives a crash, and a failed write leaves nothing to be written again.
                self._file: BinaryIO = create_file(target, replace=replace)
            except OSError as fault:
                raise RecordingError(f"cannot write {self.path}: {fault.strerror or fault}") from fault
        else:
            if "b" not in getattr(target, "mode", "b"):
                raise TypeError("a recording is written in bytes: open the file with mode 'wb'")
            self.path = str(getattr(target, "name", "an open file"))
            self._file = target
        header = Header(
            started_at=started_at or local_time(),
            side=side,
            url=url_without_keys(url) if url is not None else None,
            model=model,
            dialect=dialect,
            family=family,
            subject=subject,
            medium=medium,
        )
        content = msgspec.structs.asdict(header)
        if medium is None:
            del content["medium"]
        self._put({"duologue": KIND, **(content if keep_secrets else scrubbed_json(content))})

    @property
    def now_s(self) -> float:
        """Seconds since the start of the recording."""
        return round(self._clock() - self._started_s, _DIGITS)

    def write(self, direction: Direction, message: str | bytes, *, connection: int = 1) -> None:
        """Add a message that just passed. Does nothing once writing has failed or the file is closed."""
        self.write_line(Frame(at_s=self.now_s, direction=direction, message=message, connection=connection))

    def connected(
        self, *, url: str | None = None, model: str | None = None, dialect: str | None = None, connection: int
    ) -> None:
        """Another connection of the conversation, the `connection`th, is open. The header is about the first one."""
        url = url_without_keys(url) if url is not None else None
        self.write_line(ConnectedLine(at_s=self.now_s, url=url, model=model, dialect=dialect, connection=connection))

    def closed(self, code: int, reason: str = "", *, by: ClosedBy, connection: int = 1) -> None:
        """A connection is over."""
        self.write_line(ClosedLine(at_s=self.now_s, code=code, reason=reason, by=by, connection=connection))

    def note(self, note: Note, *, connection: int = 1) -> None:
        """Add what no message says."""
        self.write_line(NoteLine(at_s=self.now_s, note=note, connection=connection))

    def write_line(self, line: RecordingLine) -> None:
        """Add a line as it is, with the time that it has: one of another recording, for example."""
        if self.failure is None and self._put(self._without_secrets(line)) and isinstance(line, Frame):
            self.frames += 1

    @property
    def gathered_bytes(self) -> int:
        """The length of the lines that wait for `flush`."""
        return len(self._gathered) if self._gathered is not None else 0

    def flush(self) -> None:
        """Write the lines that wait, if this writer gathers them."""
        if self._gathered:
            gathered, self._gathered = self._gathered, bytearray()
            self._write(gathered)

    def close(self) -> None:
        """Write what waits, and close the file, unless it was given open. Closing twice is fine."""
        self.flush()
        self._is_closed, self._failed = True, None
        if self._is_own:
            self._file.close()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _without_secrets(self, line: RecordingLine) -> dict[str, Any]:
        if self._keeps_secrets:
            return line_to_json(line)
        if isinstance(line, Frame):
            message = scrubbed(line.message)
            return line_to_json(line if message is line.message else msgspec.structs.replace(line, message=message))
        content: dict[str, Any] = scrubbed_json(line_to_json(line))
        return content

    def _put(self, line: dict[str, Any]) -> bool:
        if self.failure is not None or self._is_closed or self._file.closed:
            return False
        text = write_text(line) + b"\n"
        if self._gathered is None:
            return self._write(text)
        self._gathered += text
        return True

    def _write(self, text: bytes | bytearray) -> bool:
        if self.failure is not None:
            return False
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            self._file.flush()
        except (OSError, ValueError) as fault:  # a ValueError: the file that was given is closed
            reason = (fault.strerror if isinstance(fault, OSError) else None) or fault
            self.failure = RecordingError(f"recording to {self.path} stopped: {reason}")
            self.failure.__cause__ = fault
            if self._failed is not None:
                self._failed(self.failure)
            return False
        return True


def local_time() -> str:
    """Now, as `Header.started_at` has it."""
    return local_date().isoformat(timespec="milliseconds")
