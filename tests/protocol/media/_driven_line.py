"""A media line that a test drives: as the session, as the client and as the clock."""

from __future__ import annotations

from typing import Any

import msgspec

from duologue.audio.formats import PCM, Encoding
from duologue.codec import encode_append
from duologue.events.base import encode_audio
from duologue.protocol.media.line import MediaLine
from duologue.testing import CountedIds

__all__ = ["DrivenLine", "error", "tone"]

FRAME_S = 0.02


def tone(ms: int, encoding: Encoding = PCM) -> bytes:
    """So much sound that is not silence."""
    return encoding.from_pcm16(b"\x00\x20" * (ms * encoding.rate_hz // 1000))


def error(event_id: str | None, message: str = "no such item") -> dict[str, Any]:
    """The inside of an `error` event."""
    return {"type": "invalid_request_error", "message": message, "param": None, "event_id": event_id}


class DrivenLine:
    """Remembers what came out, in order: what the client got, what the session got, and what was played."""

    def __init__(self, *, created: bool = True) -> None:
        self.line = MediaLine(new_id=CountedIds())
        self.now = 100.0
        self.messages: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self.log: list[str] = []
        """Types of messages, of commands in brackets, and "frame" for each frame that is not silent."""
        if created:
            self.session("session.created")
            self.take()

    # --- the session

    def send(self, type: str, **fields: Any) -> None:
        """A message of the session."""
        self.raw(msgspec.json.encode({"type": type, "event_id": "e", **fields}).decode())

    def raw(self, text: str) -> None:
        self.line.from_session(text, now=self.now)
        self._collect()

    def session(self, type: str = "session.updated", *, audio: dict[str, Any] | None = None) -> None:
        session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"}
        self.send(type, session=session | ({"audio": audio} if audio is not None else {}))

    def response(self, response: str = "r", *, output: object = None, conversation: str | None = "conv") -> None:
        audio = {} if output is None else {"audio": {"output": {"format": output}}}
        self.send("response.created", response={"id": response, "conversation_id": conversation, **audio})

    def says(self, ms: int, response: str = "r", *, item: str | None = None, encoding: Encoding = PCM) -> None:
        """Speech of a response."""
        delta = encode_audio(tone(ms, encoding))
        self.send("response.output_audio.delta", **self.part(response, item), delta=delta)

    def said(self, response: str = "r", *, item: str | None = None) -> None:
        """All speech of a part has come."""
        self.send("response.output_audio.done", **self.part(response, item))

    def done(self, response: str = "r", *, status: str = "completed") -> None:
        self.send("response.done", response={"id": response, "status": status})

    def answers(self, ms: int, response: str = "r") -> None:
        """A whole response, as fast engines make it."""
        self.response(response)
        self.says(ms, response)
        self.said(response)
        self.done(response)

    def speech_started(self) -> None:
        self.send("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)

    @staticmethod
    def part(response: str, item: str | None) -> dict[str, Any]:
        return {"response_id": response, "item_id": item or f"{response}_item", "output_index": 0, "content_index": 0}

    # --- the client, and the clock

    def asks(self, type: str, **fields: Any) -> None:
        """A message of the client."""
        self.line.from_client(msgspec.json.encode({"type": type, **fields}).decode(), now=self.now)
        self._collect()

    def hears(self, pcm: bytes) -> None:
        self.line.heard(pcm, now=self.now)
        self._collect()

    def play(self, ms: int) -> None:
        """Time passes, in which every frame is taken when it is due."""
        end = self.now + ms / 1000
        while (due_at := self.line.next_due_at) < end - 1e-6:
            self.now = max(self.now, due_at)
            self._take_frames()
        self.now = end

    def late(self, ms: int) -> int:
        """Time passes, and only then frames are taken. Returns how many."""
        self.now += ms / 1000
        before = len(self.frames)
        self._take_frames()
        return len(self.frames) - before

    # --- what came out

    def take(self) -> list[str]:
        """The log since the last call."""
        taken, self.log = self.log, []
        return taken

    def told(self) -> list[str]:
        """The log since the last call, without frames."""
        return [name for name in self.take() if name not in ("frame", "silence")]

    def _take_frames(self) -> None:
        frames = self.line.take_frames(self.now)
        self.frames += frames
        self.log += ["frame" if any(frame) else "silence" for frame in frames]
        self._collect()

    def _collect(self) -> None:
        for text in self.line.take_messages():
            self.messages.append(msgspec.json.decode(text))
            self.log.append(self.messages[-1]["type"])
        for command in self.line.take_commands():
            message = encode_append(command) if isinstance(command, bytes) else command
            self.commands.append(msgspec.json.decode(message))
            self.log.append(f"({self.commands[-1]['type']})")
