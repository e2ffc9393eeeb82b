"""Both ends of one session in memory: a client's and a server's protocol, without I/O.

The test acts as the application, the engines and the clock. Every event is encoded and decoded as on the wire, and each
method returns the events that the client receives because of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeVar

from duologue.codec import encode
from duologue.events import InputAudioBufferAppendEvent, McpCallError, McpTool, RealtimeEvent
from duologue.protocol import (
    ClientProtocol,
    Command,
    Detect,
    ListMcpTools,
    McpCall,
    Respond,
    ServerProtocol,
    SessionDefaults,
    SessionKind,
    Transcribe,
    TranscribeAhead,
    TranscribePartial,
)
from duologue.protocol.server.session import encoding_of

__all__ = ["FRAME_MS", "CountedIds", "Pair"]

FRAME_MS: Final = 20
"""Length of the frames for which `speak` and `pause` report probabilities."""

_STARTED_AT: Final = 1_700_000_000

C = TypeVar("C", bound=Command | McpCall)


class CountedIds:
    """Makes predictable ids: `item_1`, `item_2`, `resp_1` …"""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def __call__(self, kind: str) -> str:
        self._made[kind] += 1
        return f"{kind}_{self._made[kind]}"


class Pair:
    """One session. `now` is the time that the server sees, in seconds; only `advance` moves it.

    >>> pair = Pair()
    >>> [event.type for event in pair.connect()]
    ['session.created']
    """

    def __init__(self, defaults: SessionDefaults | None = None, *, kind: SessionKind = "realtime") -> None:
        self.now: float = 0.0
        self.client: ClientProtocol = ClientProtocol(new_id=CountedIds())
        """The client's end."""
        self.server: ServerProtocol = ServerProtocol(
            defaults, new_id=CountedIds(), now=self.now, started_at=_STARTED_AT, kind=kind
        )
        """The server's end."""
        self.commands: list[Command | McpCall] = []
        """Commands of the server that `take` has not taken, without `Detect`: `speak` and `pause` answer those."""
        self.received: list[RealtimeEvent] = []
        """Everything that the client has received."""
        self._to_detect: list[Detect] = []
        self._responding: str | None = None

    # --- the client

    def connect(self) -> list[RealtimeEvent]:
        """The client connects."""
        self.server.connect()
        return self._collect()

    def send(self, *events: RealtimeEvent) -> list[RealtimeEvent]:
        """The client sends events; returns what it receives."""
        for event in events:
            self.server.receive_text(self.client.send(event), now=self.now)
        return self._collect()

    def send_raw(self, message: str | bytes) -> list[RealtimeEvent]:
        """The client sends a message unchecked: a text, or bytes for a binary message."""
        self.server.receive_text(message, now=self.now)
        return self._collect()

    def speak(self, ms: int) -> list[RealtimeEvent]:
        """The client appends so much audio, and all of it is detected as speech."""
        return self._append(ms, probability=1.0)

    def pause(self, ms: int) -> list[RealtimeEvent]:
        """The client appends so much audio, and none of it is detected as speech."""
        return self._append(ms, probability=0.0)

    # --- the engines

    def take(self, kind: type[C]) -> C:
        """Take the first of the `commands` of this kind. Raises AssertionError if there is none."""
        for index, command in enumerate(self.commands):
            if isinstance(command, kind):
                del self.commands[index]
                return command
        asked = ", ".join(type(command).__name__ for command in self.commands) or "nothing"
        raise AssertionError(f"the server has asked for no {kind.__name__}, only for {asked}")

    def transcribes(self, transcript: str, *, item_id: str | None = None) -> list[RealtimeEvent]:
        """The transcriber returns the transcript of this item, by default of the first `Transcribe`."""
        item_id = self.take(Transcribe).item_id if item_id is None else item_id
        for index, word in enumerate(transcript.split(" ")):
            self.server.transcript_delta(item_id, word if index == 0 else f" {word}")
        self.server.transcribed(item_id, transcript, now=self.now)
        return self._collect()

    def transcription_fails(self, fault: str, *, item_id: str | None = None) -> list[RealtimeEvent]:
        """The transcriber fails for this item, by default for the first `Transcribe`."""
        item_id = self.take(Transcribe).item_id if item_id is None else item_id
        self.server.transcription_failed(item_id, fault, now=self.now)
        return self._collect()

    def transcribes_partially(self, transcript: str, *, item_id: str | None = None) -> list[RealtimeEvent]:
        """The transcriber returns a partial transcript of this item, by default of the first `TranscribePartial`."""
        item_id = self.take(TranscribePartial).item_id if item_id is None else item_id
        self.server.partial_transcript(item_id, transcript)
        return self._collect()

    def estimates_end_of_turn(self, completeness: float, *, item_id: str | None = None) -> list[RealtimeEvent]:
        """The detector rates this turn from 0 to 1 (complete), by default that of the first `TranscribeAhead`."""
        item_id = self.take(TranscribeAhead).item_id if item_id is None else item_id
        self.server.end_of_turn_estimated(item_id, completeness, now=self.now)
        return self._collect()

    def responds(self, text: str, *, response_id: str | None = None) -> list[RealtimeEvent]:
        """The responder returns a piece of text for this response, by default for the last."""
        self.server.response_text(self._named(response_id), text, now=self.now)
        return self._collect()

    def synthesizes(
        self, audio: bytes, *, clause: str | None = None, response_id: str | None = None
    ) -> list[RealtimeEvent]:
        """The synthesizer returns audio in the response's encoding; `clause` is the text that it begins to speak."""
        response_id = self._named(response_id)
        if clause is not None:
            self.server.response_clause(response_id, clause)
        self.server.response_audio(response_id, audio, now=self.now)
        return self._collect()

    def calls(self, name: str, arguments: str = "{}", *, response_id: str | None = None) -> list[RealtimeEvent]:
        """The responder calls a function."""
        call = self.server.response_call(self._named(response_id), name, arguments, now=self.now)
        if call is not None:
            self.commands.append(call)
        return self._collect()

    def makes_approved_call(self, request_id: str, *, response_id: str | None = None) -> list[RealtimeEvent]:
        """The responder makes an MCP call that the user has approved."""
        call = self.server.response_approved(self._named(response_id), request_id, now=self.now)
        if call is not None:
            self.commands.append(call)
        return self._collect()

    def returns(self, result: str | McpCallError) -> list[RealtimeEvent]:
        """The MCP tool that was called returns, or fails."""
        call = self.take(McpCall)
        if isinstance(result, str):
            self.server.mcp_called(call, result, now=self.now)
        else:
            self.server.mcp_call_failed(call, result, now=self.now)
        return self._collect()

    def lists(self, *tools: McpTool) -> list[RealtimeEvent]:
        """The MCP server lists its tools."""
        self.server.mcp_listed(self.take(ListMcpTools).item_id, tools)
        return self._collect()

    def listing_fails(self) -> list[RealtimeEvent]:
        """The MCP server cannot list its tools."""
        self.server.mcp_listing_failed(self.take(ListMcpTools).item_id)
        return self._collect()

    def finishes(self, *, response_id: str | None = None) -> list[RealtimeEvent]:
        """The engines complete a response."""
        self.server.response_finished(self._named(response_id), now=self.now)
        return self._collect()

    def fails(self, fault: str, *, response_id: str | None = None) -> list[RealtimeEvent]:
        """An engine fails in a response."""
        self.server.response_failed(self._named(response_id), fault, now=self.now)
        return self._collect()

    # --- the clock

    def advance(self, seconds: float) -> list[RealtimeEvent]:
        """Move the clock."""
        self.now += seconds
        if self.now >= self.server.next_tick_at:
            self.server.tick(self.now)
        return self._collect()

    # --- internals

    def _append(self, ms: int, *, probability: float) -> list[RealtimeEvent]:
        audio = bytes(encoding_of(self.server.session.input).bytes_for_ms(ms))
        seen = len(self.received)
        self.send(InputAudioBufferAppendEvent.from_audio(audio))
        detected, self._to_detect = self._to_detect, []
        for command in detected:
            n_frames = command.encoding.duration_ms(len(command.audio)) // FRAME_MS
            self.detects([probability] * n_frames)
        return self.received[seen:]

    def detects(self, probabilities: Sequence[float], *, frame_ms: float = FRAME_MS) -> list[RealtimeEvent]:
        """The voice detector reports the probability of speech (0 to 1) of each frame, as `speak` and `pause` do."""
        self.server.detected(probabilities, frame_ms, now=self.now)
        return self._collect()

    def _named(self, response_id: str | None) -> str:
        if response_id is not None:
            return response_id
        if self._responding is None:
            raise AssertionError("the server has asked for no response")
        return self._responding

    def _collect(self) -> list[RealtimeEvent]:
        taken = self.server.take_events()
        events: list[RealtimeEvent] = [self.client.receive(encode(event).decode("utf-8")) for event in taken]
        self.received += events
        for command in self.server.take_commands():
            if isinstance(command, Detect):
                self._to_detect.append(command)
                continue
            if isinstance(command, Respond):
                self._responding = command.response_id
            self.commands.append(command)
        return events
