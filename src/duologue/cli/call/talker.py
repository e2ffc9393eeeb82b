"""Holds turns over an open connection: sends them, reads the server's events, and waits for the end of each turn."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from duologue.audio.wav import Sound
from duologue.cli.call.clips import CHUNK_MS, Clip
from duologue.cli.errors import TurnFailed
from duologue.cli.run import background
from duologue.cli.turns.audio_formats import SessionAudio
from duologue.cli.turns.observations import Observation, Observer, Progress, ProgressCallback
from duologue.cli.turns.turn import Turn
from duologue.client import Connection
from duologue.clock import loop_time
from duologue.dialects import PROFILES, Profile
from duologue.errors import ConnectionClosed
from duologue.events import (
    UNSET,
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    AudioTranscription,
    ClientEvent,
    ConversationItemCreateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferCommitEvent,
    InputAudioTranscriptionCompletedEvent,
    InputTextPart,
    MessageItem,
    RateLimitsUpdatedEvent,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseAudioDoneEvent,
    ResponseCreateEvent,
    ServerVad,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)

__all__ = ["SessionSettings", "Talker"]

_START_S: Final = 5.0
"""How long to wait for session.created, and for session.updated. Some servers send neither: the talk starts anyway."""

_LATE_TRANSCRIPT_S: Final = 3.0
"""How long to wait for a transcript after the end of the answer. Some servers never send one."""

_SILENT_S: Final = 5.0
"""How long to wait for a turn when the clip is silent."""

_MARGIN_MS: Final = 1000
"""Silence beyond what ends a turn: detectors lag, and not every server says how much silence ends a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Settings to request of the session; None leaves one to the server."""

    instructions: str | None = None
    voice: str | None = None
    text_only: bool = False


class Talker:
    """Holds turns with one server, one at a time. A context manager, which leaves no task behind.

    `observe` gets every event. Waits are bounded: a turn fails when there is no progress for `timeout_s`.
    """

    def __init__(self, connection: Connection, *, observe: Observer, watch: ProgressCallback, timeout_s: float) -> None:
        self.audio: SessionAudio = SessionAudio()
        """Formats and turn settings of the last session.created or session.updated."""
        self.turn: Turn | None = None
        """The current turn, or the last one."""
        self._connection = connection
        self._reading = AsyncExitStack()
        self._observe = observe
        self._watch = watch
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._began_s = self._now_s
        self._progress_s = self._now_s
        self._changed = asyncio.Event()
        self._closed: ConnectionClosed | None = None
        self._received_types: set[str | None] = set()
        """Wire names, also of events with an unknown shape."""
        self._unreadable: list[UnknownRealtimeEvent] = []
        self._known = 0
        self._errors: list[ErrorEvent] = []
        self._required: dict[str, str] = {}

    async def __aenter__(self) -> Talker:
        await self._reading.enter_async_context(background(self._read()))
        return self

    async def __aexit__(self, *fault: Any) -> None:
        await self._reading.__aexit__(*fault)

    # --- turns

    async def start(self, settings: SessionSettings) -> None:
        """Wait for session.created and configure the session.

        Raises:
            TurnFailed: the server's messages are no realtime events.
            ConnectionClosed: the server rejected the connection.
        """
        bound_s = min(_START_S, self._timeout_s)
        if not await self._until(lambda: self._known > 0, bound_s) and self._unreadable:
            raise TurnFailed(f"the server does not speak the Realtime protocol: {self._unreadable[0].problem}")
        if not self._profile.output_rates_hz:
            return  # such a server has nothing to configure but the model, which the connection names
        await self._send(SessionUpdateEvent(session=_session(settings)))
        # An error answers the update too; the session keeps its settings then, which may suffice.
        await self._until(lambda: SessionUpdatedEvent.type in self._received_types or bool(self._errors), bound_s)

    async def spoken_turn(self, sound: Sound, *, paced: bool) -> Turn:
        """Send a clip and wait for the end of the answer. `paced`: in real time, else as fast as possible.

        Raises:
            TurnFailed: the server found no turn, rejected a command, or did not answer.
            ConnectionClosed: the server ended the session.
        """
        turn = self.turn = Turn(spoken=True, ends_with=self._last_event)
        clip = await asyncio.to_thread(Clip.of, sound, self.audio.input)
        await self._upload(clip, turn, paced=paced)
        if not self.audio.detects_turns:
            await self._send_required(InputAudioBufferCommitEvent())
            if self._takes_requests:
                # A commit does not start a response (rule manual.no_response).
                await self._send_required(ResponseCreateEvent())
        timeout_s = min(_SILENT_S, self._timeout_s) if clip.is_silent else self._timeout_s
        await self._until_answered(turn, timeout_s, clip)
        if self.audio.transcribes:
            await self._until(lambda: not turn.awaits_transcript, min(_LATE_TRANSCRIPT_S, self._timeout_s))
        return turn

    async def typed_turn(self, text: str) -> Turn:
        """Send a typed message and ask for a response; wait for its end. Raises as `spoken_turn` does."""
        if not self._takes_requests:
            raise TurnFailed(f"the server takes no text: it speaks {self._connection.dialect}")
        turn = self.turn = Turn(spoken=False)
        await self._send_required(
            ConversationItemCreateEvent(item=MessageItem(role="user", content=[InputTextPart(text=text)]))
        )
        await self._send_required(ResponseCreateEvent())
        turn.ended_at_s = self._elapsed_s
        await self._until_answered(turn, self._timeout_s, None)
        return turn

    @property
    def _profile(self) -> Profile:
        return PROFILES[self._connection.dialect]

    @property
    def _takes_requests(self) -> bool:
        """Whether a response is asked for; elsewhere the end of an utterance is answered, by words or by speech."""
        return ResponseCreateEvent.type not in self._profile.lacks_events

    @property
    def _last_event(self) -> type[RealtimeEvent] | None:
        """The event that ends an answer, where that is not the end of a response."""
        if self._takes_requests:
            return None
        return ResponseAudioDoneEvent if self._profile.output_rates_hz else InputAudioTranscriptionCompletedEvent

    # --- sending

    async def _upload(self, clip: Clip, turn: Turn, *, paced: bool) -> None:
        started_s = self._now_s
        for number, chunk in enumerate(clip.chunks(silence_ms=self.audio.silence_ms + _MARGIN_MS), 1):
            if paced:
                # A microphone delivers a chunk when it is full.
                await asyncio.sleep(started_s + number * CHUNK_MS / 1000 - self._now_s)
            if chunk.trails and turn.answered:
                break
            await self._send(InputAudioBufferAppendEvent.from_audio(chunk.audio))
            if chunk.ends_speech:
                turn.ended_at_s = self._elapsed_s
            sent_ms = min(number * CHUNK_MS, clip.duration_ms)
            self._watch(Progress(sent_ms=sent_ms, total_ms=clip.duration_ms, level_dbfs=chunk.level_dbfs))
        self._progress_s = self._now_s

    async def _send(self, event: ClientEvent) -> str:
        """Send; returns the event's id, by which an `error` names it."""
        event_id = f"talk_{next(self._numbers)}"
        event = msgspec.structs.replace(event, event_id=event_id)
        await self._connection.send(event)
        self._observe(Observation(self._elapsed_s, "sent", event))
        return event_id

    async def _send_required(self, event: ClientEvent) -> None:
        """Send an event that the turn depends on: its rejection ends the turn."""
        event_id = await self._send(event)
        self._required[event_id] = str(event.type)

    # --- receiving

    async def _read(self) -> None:
        while self._closed is None:
            try:
                event = await self._connection.receive()
            except ConnectionClosed as closed:
                self._closed = closed
            else:
                self._receive(event)
            self._changed.set()

    def _receive(self, event: RealtimeEvent) -> None:
        observation = Observation(self._elapsed_s, "received", event)
        self.audio = self.audio.after(event, self._profile)
        self._received_types.add(event.type)
        match event:
            case UnknownRealtimeEvent():
                self._unreadable.append(event)
            case ErrorEvent():
                self._errors.append(event)
            case RateLimitsUpdatedEvent():
                pass
            case _:
                self._progress_s = self._now_s
        self._known += event.type is not None
        if self.turn is not None:
            self.turn.observe(observation)
        self._observe(observation)

    # --- waiting

    async def _until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a condition; False after `timeout_s` without progress. Raises ConnectionClosed after the close."""
        began_s = self._now_s
        while not done():
            if self._closed is not None:
                raise self._closed
            self._changed.clear()
            left_s = max(began_s, self._progress_s) + timeout_s - self._now_s
            if left_s <= 0:
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
        return True

    async def _until_answered(self, turn: Turn, timeout_s: float, clip: Clip | None) -> None:
        if not await self._until(lambda: turn.answered or self._rejection is not None, timeout_s):
            raise TurnFailed(f"{_stuck(turn, clip)} within {timeout_s:g} s{self._hints()}")
        if self._rejection is not None:
            raise TurnFailed(self._rejection)

    @property
    def _rejection(self) -> str | None:
        """The server's error about an event that the turn depends on."""
        for answer in self._errors:
            error = answer.error
            if is_set(error.event_id) and error.event_id in self._required:
                return f"the server rejected {self._required[error.event_id]}: {error.message}"
        return None

    def _hints(self) -> str:
        hints: list[str] = []
        if self._errors:
            hints.append(f"its last error was: {self._errors[-1].error.message}")
        if self._unreadable:
            count, first = len(self._unreadable), self._unreadable[0]
            hints.append(f"{count} of its messages could not be decoded, the first because of: {first.problem}")
        return "".join(f"; {hint}" for hint in hints)

    @property
    def _now_s(self) -> float:
        return loop_time()

    @property
    def _elapsed_s(self) -> float:
        return self._now_s - self._began_s


def _session(settings: SessionSettings) -> RealtimeSessionConfig:
    return RealtimeSessionConfig(
        output_modalities=["text"] if settings.text_only else UNSET,
        instructions=UNSET if settings.instructions is None else settings.instructions,
        audio=AudioConfig(
            input=AudioInputConfig(transcription=AudioTranscription(model="whisper-1"), turn_detection=ServerVad()),
            output=UNSET if settings.voice is None else AudioOutputConfig(voice=settings.voice),
        ),
    )


def _stuck(turn: Turn, clip: Clip | None) -> str:
    """Where the turn stopped."""
    if turn.answering:
        return "the server began to answer and nothing more came"
    if turn.speaking:
        return "the server detected speech but not its end"
    if clip is not None and not turn.noticed:
        if clip.is_silent:
            return (
                f"the server detected no speech, and there is none: the loudest sound is at"
                f" {clip.loudest_dbfs:.0f} dBFS; no turn started"
            )
        return "the server detected no speech"
    return "the server did not answer"
