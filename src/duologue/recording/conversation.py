"""The conversation of a recorded session: its items, its transcript and its cost."""

from __future__ import annotations

import os
from itertools import count
from typing import Any

from duologue.codec import decode
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.errors import DecodeError
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.export import export_of
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.transcript import ConversationTranscript, transcript_of
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.usage import UsageSnapshot
from duologue.recording.lines import ConnectedLine, Frame
from duologue.recording.reader import RecordingReader
from duologue.recording.restored_items import RestoredItems

__all__ = ["RecordedConversation"]

_KEPT_AUDIO_BYTES = 64 * 1024 * 1024
"""Of the model's speech: twenty minutes at 24 kHz. The newest is kept."""


class RecordedConversation:
    """What a recorded conversation said, over all its connections, as `Conversation` has it while it runs.

    `dialect` is that of the frames; without it, the one that the recording names.

    Raises:
        RecordingError: the file cannot be read, is no recording, has a newer version, or a damaged line.
        ValueError: there is no such dialect.
    """

    def __init__(self, path: str | os.PathLike[str], *, dialect: str | None = None) -> None:
        ids = count(1)
        self._core = ConversationCore(
            new_id=lambda kind: f"{kind}_{next(ids)}", options=CoreOptions(keep_audio_bytes=_KEPT_AUDIO_BYTES)
        )
        self._restored = RestoredItems()
        with RecordingReader(path) as reader:
            told = reader.header.dialect
            dialect = dialect or (told if told is not None and told in PROFILES else DEFAULT_DIALECT)
            of_server = "received" if reader.header.side == "client" else "sent"
            for line in reader.lines():
                if isinstance(line, ConnectedLine):
                    self._restored.begin(line.connection, [each.item for each in self.items])
                elif isinstance(line, Frame) and isinstance(line.message, str):
                    self._take(line.message, line, dialect, is_of_server=line.direction == of_server)

    def _take(self, message: str, frame: Frame, dialect: str, *, is_of_server: bool) -> None:
        if not is_of_server and frame.connection == 1:
            return  # what it asked for, the server tells
        try:
            event = decode(message, dialect=dialect)
        except DecodeError:
            return  # no JSON: as in the session itself, it says nothing
        if not is_of_server:
            self._restored.sent(event, frame.connection)
            return
        if self._restored.are_meant_by(event):
            return
        self._core.receive(event, now=frame.at_s)
        self._core.take_notices()
        self._core.take_events()

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The items at the end of the session, in order."""
        return self._core.store.items

    @property
    def usage(self) -> UsageSnapshot:
        """Tokens and audio of the session."""
        return self._core.usage.snapshot()

    def transcript(self) -> ConversationTranscript:
        """What was said: role, text and item id of each message. `str` of it is one line for each."""
        return transcript_of(self.items)

    def to_json(self, *, audio: bool = False) -> dict[str, Any]:
        """Items and usage as JSON-ready data; see docs/howto/transcripts.md. `audio` adds the model's speech."""
        return export_of(self.items, usage=self.usage, session=None, audio=self._core.store.audio if audio else None)
