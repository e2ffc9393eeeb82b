"""Records a conversation: the messages of all its connections, what was heard, its functions, and its marks."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from duologue.audio.files import check_creatable
from duologue.client.asyncio.connection import Connection
from duologue.client.asyncio.conversation import Conversation
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.errors import RecordingError
from duologue.printable import printable
from duologue.protocol.client.notices import RecordingStopped
from duologue.protocol.client.tools.calls import ToolCall
from duologue.recording import (
    MarkNote,
    Note,
    RecordingLine,
    RecordingTarget,
    RecordingTransport,
    RecordingWriter,
    ToolNote,
)
from duologue.recording.playback_notes import PlaybackNotes

__all__ = ["ConversationRecorder"]

_logger = logging.getLogger("duologue.client")


class ConversationRecorder:
    """Writes one file over all connections of a conversation. It is made with the first connection.

    The connections are numbered in the order in which they were opened: with `ConversationRecorder.opening` in the
    place of what opens them. A connection is recorded from the moment at which that has opened it.
    """

    def __init__(
        self, target: RecordingTarget, open_connection: OpenConnection, *, url: str | None, medium: str | None = None
    ) -> None:
        """`url` is that of the connections; what of it may be a key is left out. `medium` is that of `Header`.

        Raises:
            RecordingError: the file could not be created.
        """
        if isinstance(target, str | os.PathLike):
            try:
                check_creatable(target)
            except OSError as fault:
                raise RecordingError(f"cannot write {os.fspath(target)}: {fault.strerror or fault}") from fault
        self._path = os.fspath(target) if isinstance(target, str | os.PathLike) else str(getattr(target, "name", ""))
        self._target = target
        self._open_connection = open_connection
        self._url = url
        self._medium = medium
        self._writer: RecordingWriter | None = None
        self._conversation: Conversation | None = None
        self._connections = 0

    def attach(self, conversation: Conversation) -> None:
        """Note what this conversation plays, runs and is told to mark."""
        self._conversation = conversation
        conversation.core.output_audio.playback.watch = PlaybackNotes(self._note).heard
        conversation._tools.watch = self._tool
        conversation._marks = self

    @asynccontextmanager
    async def opening(self) -> AsyncGenerator[Connection, None]:
        """A connection that is recorded. Raises as the one that opens it does, and RecordingError."""
        async with self._open_connection() as connection:
            self._connections += 1
            dialect = connection.dialect if connection.is_dialect_settled else None
            if self._writer is None:
                self._writer = RecordingWriter(
                    self._target,
                    clock=asyncio.get_running_loop().time,
                    url=self._url,
                    model=connection.model,
                    dialect=dialect,
                    family="realtime",
                    medium=self._medium,
                    failed=self._failed,
                )
            else:
                self._writer.connected(
                    url=self._url, model=connection.model, dialect=dialect, connection=self._connections
                )
            connection.pass_through(partial(RecordingTransport, writer=self._writer, connection=self._connections))
            yield connection

    def mark(self, text: str) -> None:
        """Note what the application says about this moment."""
        self._note(MarkNote(text=text))

    @property
    def now_s(self) -> float:
        """Seconds since the start of the recording; 0 before that."""
        return self._writer.now_s if self._writer is not None else 0.0

    def write_line(self, line: RecordingLine) -> None:
        """Add a line that is none of the session's: of the leg of a telephone call."""
        if self._writer is not None:
            self._writer.write_line(line)

    def close(self) -> None:
        """Close the file, unless it was given open, and let go of the conversation, which refers to this object."""
        if self._writer is not None:
            self._writer.close()
        self._conversation = None

    def _note(self, note: Note) -> None:
        if self._writer is not None:
            self._writer.note(note, connection=self._connections)

    def _tool(self, call: ToolCall, has_ended: bool) -> None:
        self._note(ToolNote(name=call.name, call_id=call.call_id, step="end" if has_ended else "begin"))

    def _failed(self, failure: RecordingError) -> None:
        _logger.error("%s; the conversation goes on", printable(str(failure)))
        # Later: this may be called in the middle of the core's work, and callbacks may use the core.
        asyncio.get_running_loop().call_soon(self._publish, str(failure))

    def _publish(self, reason: str) -> None:
        if self._conversation is not None and self._conversation._ended is None:
            self._conversation._publish(RecordingStopped(path=self._path, reason=reason))
