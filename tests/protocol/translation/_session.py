"""A translation session without I/O, with a test in the place of the client and of the engines."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from duologue.codec import encode_translation
from duologue.protocol import Detect, SessionDefaults
from duologue.protocol.translation.server.commands import Translate, TranslationCommand
from duologue.protocol.translation.server.protocol import TranslationServerProtocol
from duologue.testing import CountedIds

FRAME_MS = 20
STEP = 9600
"""Bytes of 200 ms."""


class Talk:
    """One session. `now` is the time that the server sees."""

    def __init__(self, defaults: SessionDefaults | None = None, **settings: Any) -> None:
        self.now = 0.0
        self.server = TranslationServerProtocol(
            defaults, new_id=CountedIds(), now=0.0, started_at=1_700_000_000, **settings
        )
        self.commands: list[TranslationCommand] = []

    def connect(self) -> list[dict[str, Any]]:
        self.server.connect()
        return self.collect()

    def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        return self.send_raw(json.dumps({"type": kind, **fields}))

    def send_raw(self, message: str | bytes) -> list[dict[str, Any]]:
        self.server.receive_text(message, now=self.now)
        return self.collect()

    def update(self, **audio: Any) -> list[dict[str, Any]]:
        return self.send("session.update", session={"audio": audio})

    def append(self, ms: int, *, probability: float) -> list[dict[str, Any]]:
        """Append so much audio, of which each frame is detected with this probability."""
        events = self.send("session.input_audio_buffer.append", audio=b64encode(bytes(48 * ms)).decode())
        for _ in [each for each in self.commands if isinstance(each, Detect)]:
            self.server.detected([probability] * (ms // FRAME_MS), FRAME_MS)
        self.commands = [each for each in self.commands if not isinstance(each, Detect)]
        return events + self.collect()

    def speak(self, ms: int) -> list[dict[str, Any]]:
        return self.append(ms, probability=1.0)

    def pause(self, ms: int) -> list[dict[str, Any]]:
        return self.append(ms, probability=0.0)

    def take(self) -> Translate:
        """The utterance that the engines are to translate."""
        [command] = [each for each in self.commands if isinstance(each, Translate)]
        self.commands.remove(command)
        return command

    def translates(self, source: str, text: str, *, audio_ms: int = 0) -> list[dict[str, Any]]:
        """The engines translate the utterance that they have been given."""
        utterance_id = self.take().utterance_id
        for word in source.split(" "):
            self.server.source_text(utterance_id, f"{word} " if word else "")
        self.server.translated_text(utterance_id, text)
        self.server.translated_audio(utterance_id, bytes(48 * audio_ms))
        self.server.utterance_finished(utterance_id)
        return self.collect()

    def collect(self) -> list[dict[str, Any]]:
        events = [json.loads(encode_translation(event)) for event in self.server.take_events()]
        self.commands += self.server.take_commands()
        return events


def names(events: list[dict[str, Any]]) -> list[str]:
    """The types of events."""
    return [event["type"] for event in events]


def fault(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The error that is the one answer."""
    [event] = events
    assert event["type"] == "error"
    error: dict[str, Any] = event["error"]
    return error
