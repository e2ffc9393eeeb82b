"""Recordings that are made by hand, a line at a time."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from duologue.events.base import encode_audio
from duologue.recording import ClosedBy, ExchangeLine, RecordingWriter, Side
from duologue.testing.cassettes.contents import CassetteContents, RecordedSocket, read_contents

__all__ = ["GREETING", "URL", "Tape", "append", "item", "text"]

URL = "wss://api.example.com/v1/realtime?model=m"
GREETING: dict[str, Any] = {"type": "session.created", "event_id": "event_s1", "session": {"id": "sess_1"}}


def text(event: dict[str, Any] | str) -> str:
    """The message of an event; a name alone is an event with nothing else."""
    return json.dumps({"type": event} if isinstance(event, str) else event)


def append(ms: int, **fields: Any) -> dict[str, Any]:
    """A piece of silence, at 24 kHz."""
    return {"type": "input_audio_buffer.append", "audio": encode_audio(bytes(48 * ms)), **fields}


def item(name: str, words: str = "hi", **fields: Any) -> dict[str, Any]:
    """A message of the user with an id."""
    content = [{"type": "input_text", "text": words}]
    return {
        "type": "conversation.item.create",
        **fields,
        "item": {"id": name, "type": "message", "role": "user", "content": content},
    }


class Tape:
    """A recording of one or more connections."""

    def __init__(self, path: Path, *, side: Side = "client", url: str | None = URL) -> None:
        self.path = path
        self._file = io.BytesIO()
        self._writer = RecordingWriter(self._file, side=side, url=url)
        self._side = side
        self.connection = 1

    def client(self, *messages: dict[str, Any] | str | bytes) -> Tape:
        """The client sends this."""
        return self._frames("client", messages)

    def raw(self, message: str) -> Tape:
        """The client sends a text that is no event."""
        self._writer.write("sent" if self._side == "client" else "received", message, connection=self.connection)
        return self

    def server(self, *messages: dict[str, Any] | str | bytes) -> Tape:
        """The server sends this."""
        return self._frames("server", messages)

    def closed(self, code: int = 1000, reason: str = "", *, by: ClosedBy = "client") -> Tape:
        """The connection is over."""
        self._writer.closed(code, reason, by=by, connection=self.connection)
        return self

    def connected(self, url: str = URL) -> Tape:
        """The next connection."""
        self.connection += 1
        self._writer.connected(url=url, connection=self.connection)
        return self

    def exchange(self, method: str, path: str, **fields: Any) -> Tape:
        """A request over HTTP."""
        told: dict[str, Any] = {"status": 200, **fields}
        self._writer.write_line(ExchangeLine(at_s=0.0, method=method, path=path, **told))
        return self

    def done(self) -> Path:
        """Write the file; returns its path."""
        self.path.write_bytes(self._file.getvalue())
        return self.path

    def contents(self) -> CassetteContents:
        """What the file holds for a server."""
        return read_contents(self.done())

    def socket(self) -> RecordedSocket:
        """The first connection."""
        first = self.contents().openings[0]
        assert isinstance(first, RecordedSocket)
        return first

    def _frames(self, by: Side, messages: tuple[dict[str, Any] | str | bytes, ...]) -> Tape:
        for message in messages:
            written = message if isinstance(message, bytes) else text(message)
            self._writer.write("sent" if by == self._side else "received", written, connection=self.connection)
        return self
