"""A folder in which each session of a server has a recording.

20260301T120000123Z-sess_Ab12.jsonl        the UTC time of the session's start, and its id
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from duologue.audio.files import check_creatable
from duologue.errors import RecordingError
from duologue.recording import Header
from duologue.server.recordings.session_recording import SessionRecording
from duologue.server.recordings.space import SUFFIX, Space
from duologue.server.recordings.writing_thread import WritingThread
from duologue.server.tap.taps import SessionTap
from duologue.server.telemetry.log import log_event

__all__ = ["RecordingFolder"]

_OWNER_ALONE: Final = 0o700

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
"""No file system and no shell minds the others."""

_MAX_ID_CHARACTERS: Final = 80
"""Of a session's id in a file's name; the server makes shorter ones."""


class RecordingFolder:
    """Records sessions, each to a file of its own, which its owner alone may read. A tap of the server.

    What goes wrong with it is logged, once until it has gone well again, and costs recordings, never sessions: a disk
    that is full or too slow, and the end of `max_bytes`. A file that exists is never written over.
    """

    def __init__(self, folder: str | os.PathLike[str], *, max_bytes: int | None = None) -> None:
        """Make the folder, for its owner alone, unless it exists.

        `max_bytes` is what its recordings may hold together, those of earlier runs included; then the open ones end
        there, and new ones begin when files were taken away.

        Raises:
            RecordingError: it cannot be made, or no file in it.
        """
        self.folder: str = os.fspath(folder)
        try:
            os.makedirs(self.folder, mode=_OWNER_ALONE, exist_ok=True)
            check_creatable(os.path.join(self.folder, f"session{SUFFIX}"))
        except OSError as fault:
            raise RecordingError(f"cannot record into {self.folder}: {fault.strerror or fault}") from fault
        self._space = Space(self.folder, max_bytes=max_bytes)
        self._thread = WritingThread()
        self._trouble: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Write for a block; at its end, what is left is written, for five seconds at most."""
        self._thread.start()
        try:
            yield
        finally:
            if not await self._thread.stop():
                self._in_trouble("the disk takes too long: the last lines are lost")

    def opened(self, session_id: str, header: Header, /) -> SessionTap:
        """A recording of this session."""
        at = datetime.fromisoformat(header.started_at).astimezone(UTC)
        shown_id = _NOT_IN_A_NAME.sub("_", session_id)[:_MAX_ID_CHARACTERS]
        name = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z-{shown_id}{SUFFIX}"
        path = os.path.join(self.folder, name)
        return SessionRecording(path, header, thread=self._thread, space=self._space, told=self._told)

    def _told(self, trouble: str | None) -> None:
        """Log what goes wrong, from either thread; None: a recording was begun, so nothing does any more."""
        if trouble is None:
            self._trouble = None
        elif self._trouble is None:
            self._in_trouble(trouble)

    def _in_trouble(self, trouble: str) -> None:
        self._trouble = trouble
        log_event(logging.ERROR, "recording stopped, sessions go on", folder=self.folder, reason=trouble)
