"""A Live session on the server, whose engines and clock a test plays."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from duologue.events.live import LiveOutputAudioDeltaEvent
from duologue.protocol.live.server import (
    PRIMARY,
    LiveDefaults,
    LiveOutgoing,
    LiveReply,
    LiveServerProtocol,
    StopReply,
    StoredLiveSession,
    TranscribeUtterance,
)
from duologue.protocol.server.commands import Close, Detect

C = TypeVar("C")

FRAME_MS = 20
MS_BYTES = 48
"""PCM16 of 24 kHz."""


def sound(ms: int) -> bytes:
    """Audio that the detector takes for speech."""
    return b"\x10\x10" * (ms * MS_BYTES // 2)


def quiet(ms: int) -> bytes:
    """Audio without speech."""
    return bytes(ms * MS_BYTES)


def encoded(audio: bytes) -> str:
    """As the wire has it."""
    return base64.b64encode(audio).decode()


class Session:
    """Drives a protocol; `now` is the clock. The detector and the transcriber answer at once, a reply when told to."""

    def __init__(
        self,
        *,
        start: bool = True,
        config: dict[str, Any] | None = None,
        stored: StoredLiveSession | None = None,
        charge: Any = None,
        frame_bytes: int = FRAME_MS * MS_BYTES,
        **limits: Any,
    ) -> None:
        numbers = itertools.count(1)
        self.protocol = LiveServerProtocol(
            LiveDefaults(**limits),
            new_id=lambda kind: f"{kind}_{next(numbers)}",
            now=1000.0,
            started_at=1_790_000_000.0,
            stored=stored,
            charge=charge,
        )
        self.now = 1000.0
        self.sent: list[LiveOutgoing] = []
        self.commands: list[Any] = []
        self.words: list[str] = []
        """What the transcriber understands, utterance by utterance; then "Hello."."""
        self.transcribes = True
        self.on_reply: Callable[[LiveReply], None] | None = None
        """Plays the responder and the synthesizer."""
        self._frame_bytes = frame_bytes
        self._rest = b""
        if start:
            self.start(config)

    # --- the client

    def start(self, config: dict[str, Any] | None = None, **fields: Any) -> list[dict[str, Any]]:
        """Sends `session.start`."""
        default = {"model": "gpt-live-1"}
        return self.client("session.start", session=default if config is None else config, **fields)

    def client(self, type_name: str, *, source: str = PRIMARY, **fields: Any) -> list[dict[str, Any]]:
        """A client sends an event; returns what the primary connection gets."""
        return self.raw(json.dumps({"type": type_name, **fields}), source=source)

    def raw(self, message: str | bytes, *, source: str = PRIMARY) -> list[dict[str, Any]]:
        """A client sends a message."""
        begin = len(self.sent)
        self.protocol.receive_text(message, now=self.now, source=source)
        self.collect()
        return self.frames(begin)

    def speaks(self, audio: bytes, *, piece_ms: int = FRAME_MS) -> list[dict[str, Any]]:
        """Audio comes in real time, 24 kHz PCM16; returns what the primary connection gets meanwhile."""
        begin = len(self.sent)
        n_bytes = piece_ms * MS_BYTES
        for at in range(0, len(audio), n_bytes):
            self.passes(piece_ms / 1000)
            self.client("session.input_audio.append", audio=encoded(audio[at : at + n_bytes]))
        return self.frames(begin)

    def says(self, text: str, *, ms: int = 800) -> list[dict[str, Any]]:
        """The user says a sentence, and stops."""
        self.words.append(text)
        return self.speaks(sound(ms) + quiet(800))

    # --- the engines

    def collect(self) -> None:
        """Takes what the protocol wants sent and done, and plays the engines."""
        while True:
            sent, commands = self.protocol.take_outgoing(), self.protocol.take_commands()
            self.sent += sent
            self.commands += commands
            if not sent and not commands:
                return
            for command in commands:
                self._play(command)

    def _play(self, command: Any) -> None:
        if isinstance(command, Detect):
            heard = self._rest + command.audio
            whole = len(heard) // self._frame_bytes * self._frame_bytes
            self._rest = heard[whole:]
            frames = [heard[at : at + self._frame_bytes] for at in range(0, whole, self._frame_bytes)]
            self.protocol.detected([1.0 if any(frame) else 0.0 for frame in frames], FRAME_MS, now=self.now)
        elif isinstance(command, TranscribeUtterance) and self.transcribes:
            text = self.words.pop(0) if self.words else "Hello."
            self.protocol.transcript(command.utterance_id, text, now=self.now)
        elif isinstance(command, LiveReply) and self.on_reply is not None:
            self.on_reply(command)

    def reply(self, text: str = "", *, ms: int = 0, calls: tuple[tuple[str, str], ...] = ()) -> LiveReply:
        """The responder answers the last request; returns that."""
        command = self.of(LiveReply)[-1]
        self.answer(command, text, ms=ms, calls=calls)
        return command

    def answer(
        self, command: LiveReply, text: str = "", *, ms: int = 0, calls: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """The engines make a whole reply."""
        protocol, reply_id, now = self.protocol, command.reply_id, self.now
        if text:
            protocol.reply_text(reply_id, text, now=now)
            protocol.reply_clause(reply_id, text.strip(), now=now)
        if ms:
            protocol.reply_audio(reply_id, b"\x22\x22" * (ms * MS_BYTES // 2), now=now)
        for name, arguments in calls:
            protocol.reply_call(reply_id, name, arguments, now=now)
        protocol.reply_finished(reply_id, now=now)
        self.collect()

    # --- time

    def passes(self, seconds: float) -> None:
        """Time passes, with a tick whenever one is due."""
        ends_at = self.now + seconds
        while self.protocol.next_tick_at <= ends_at:
            self.now = max(self.now, self.protocol.next_tick_at)
            self.protocol.tick(self.now)
            self.collect()
        self.now = ends_at

    # --- what came out

    def frames(self, begin: int = 0, *, to: str = PRIMARY) -> list[dict[str, Any]]:
        """What one connection got, as JSON."""
        groups = {"all", to} if to == PRIMARY else {"all", "sidebands", to}
        return [outgoing.event.to_json() for outgoing in self.sent[begin:] if outgoing.to in groups]

    def events(self, type_name: str, *, to: str = PRIMARY) -> list[dict[str, Any]]:
        """What one connection got of a type."""
        return [frame for frame in self.frames(to=to) if frame["type"] == type_name]

    def types(self, begin: int = 0) -> list[str]:
        """The types of all that the primary connection got, apart from audio and usage."""
        left_out = ("session.output_audio.delta", "session.usage.updated")
        return [frame["type"] for frame in self.frames(begin) if frame["type"] not in left_out]

    def of(self, kind: type[C]) -> list[C]:
        """All commands of a kind."""
        return [command for command in self.commands if isinstance(command, kind)]

    @property
    def output(self) -> bytes:
        """The output so far."""
        return b"".join(
            outgoing.event.decode_audio()
            for outgoing in self.sent
            if isinstance(outgoing.event, LiveOutputAudioDeltaEvent) and outgoing.to == PRIMARY
        )

    @property
    def transcript(self) -> dict[str, str]:
        """What was said, by speaker."""
        return {
            speaker: "".join(event["delta"] for event in self.events(f"session.{side}_transcript.delta"))
            for speaker, side in (("user", "input"), ("assistant", "output"))
        }

    @property
    def stopped(self) -> list[str]:
        """Replies that were stopped."""
        return [command.reply_id for command in self.of(StopReply)]

    @property
    def closed(self) -> Close | None:
        """How the connection was closed."""
        closes = self.of(Close)
        assert len(closes) <= 1
        return closes[0] if closes else None
