"""What a call was: its turns, responses, heard speech, functions, errors. Values that `CallFold` fills.

Times are seconds since the start of the recording, as `at_s` of its lines; durations that people compare are whole
milliseconds. None is what the recording does not say.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from duologue.inspection.sequence import CallEvent

__all__ = [
    "CallError",
    "CallInterruption",
    "CallLegMoment",
    "CallMark",
    "CallResponse",
    "CallTool",
    "CallTurn",
    "CallView",
    "CutBy",
    "EndOfSpeech",
    "HeardPart",
    "LegMomentKind",
    "MarkKind",
    "PlayedSpan",
    "TokenCounts",
    "TurnKind",
]

TurnKind: TypeAlias = Literal["speech", "push_to_talk", "typed", "unasked"]
"""Speech whose end the server detects, speech that the client commits, text, or an answer to nothing of these."""

EndOfSpeech: TypeAlias = Literal["server_vad", "semantic_vad", "commit", "request", "transcript"]
"""What the end of the user's turn is taken from. `server_vad`: `audio_end_ms` minus the silence then in force, which it
includes. `semantic_vad`: `audio_end_ms` as it is, since no server says how much silence is in it. `transcript`: the
place of the last word in the session's time, which Live and translation tell in steps of 200 ms."""

LegMomentKind: TypeAlias = Literal["started", "heard", "mark", "returned", "clear", "key", "flow", "ended"]
"""`heard` is a stretch of time, by the carrier's queue as it is played in real time; a mark is sent, and returned."""

MarkKind: TypeAlias = Literal["mark", "fault", "closed", "connected", "engine"]
"""What has its moment: the application's own mark, a fault that was made, a close, a connection, an engine's work."""

CutBy: TypeAlias = Literal["playback", "truncate", "speech_started", "silence"]
"""What says how much was heard: a note of the player, the client's `conversation.item.truncate`, or without either the
moment at which the server heard the user in a session with `interrupt_response`. `silence`: the model of a Live session
fell silent while the user spoke; whether for that reason, nothing says."""

_MS: Final = 1000


def _between_ms(begin_s: float | None, end_s: float | None) -> int | None:
    return None if begin_s is None or end_s is None else round((end_s - begin_s) * _MS)


class TokenCounts(Struct, kw_only=True):
    """Tokens of the responses that are done."""

    input: int = 0
    output: int = 0
    total: int = 0
    input_text: int = 0
    """By modality, where the server says it; cached ones are counted here too, as the server does."""
    input_audio: int = 0
    output_text: int = 0
    output_audio: int = 0
    cached: int = 0
    """Of the input: what the server had read before."""
    cached_text: int = 0
    cached_audio: int = 0


class CallTurn(Struct, kw_only=True):
    """One turn of the user, with all responses up to the next one."""

    number: int
    kind: TurnKind
    item_id: str | None = None
    speech_started_s: float | None = None
    """When `speech_started` came; in Live, when the first word was spoken."""
    speech_stopped_s: float | None = None
    begin_ms: int | None = None
    """Where in the audio of its session the speech begins: `audio_start_ms` of the server."""
    end_ms: int | None = None
    """Where it ends: `audio_end_ms` minus the silence then in force."""
    committed_s: float | None = None
    end_of_speech_s: float | None = None
    """When the user had said the last word: see `EndOfSpeech`."""
    end_from: EndOfSpeech | None = None
    withheld: str | None = None
    """Why there is no `end_of_speech_s`, and so no figure that counts from it."""
    user_text: str | None = None
    user_text_s: float | None = None
    """When the transcript was final; in Live, which never says so, when its last word came."""
    response_ids: list[str] = []
    first_text_s: float | None = None
    first_audio_s: float | None = None
    """When the first piece of the answer's speech arrived."""
    first_heard_s: float | None = None
    """When the first of it was heard: by the player's notes, else when it could be played at the earliest."""
    answer_text: str | None = None
    done_s: float | None = None
    """The end of its last response."""
    status: str | None = None
    """Of its last response."""
    is_interrupted: bool = False
    """Whether the user interrupted its answer."""

    @property
    def endpointing_ms(self) -> int | None:
        """From the end of speech to `speech_stopped`."""
        return _between_ms(self.end_of_speech_s, self.speech_stopped_s)

    @property
    def first_text_ms(self) -> int | None:
        """From the end of speech to the first text or transcript of the answer."""
        return _between_ms(self.end_of_speech_s, self.first_text_s)

    @property
    def first_audio_ms(self) -> int | None:
        """From the end of speech to the arrival of the answer's first speech."""
        return _between_ms(self.end_of_speech_s, self.first_audio_s)

    @property
    def first_heard_ms(self) -> int | None:
        """From the end of speech to the moment at which the answer was first heard."""
        return _between_ms(self.end_of_speech_s, self.first_heard_s)

    @property
    def transcript_ms(self) -> int | None:
        """How late the transcript of the user's speech was final, from the end of speech."""
        return _between_ms(self.end_of_speech_s, self.user_text_s)


class CallResponse(Struct, kw_only=True):
    """A response, from its request to its end."""

    response_id: str
    turn: int
    """The number of its turn."""
    requested_s: float | None = None
    """When `response.create` passed; None where the server's turn detection created it."""
    created_s: float | None = None
    first_text_s: float | None = None
    first_audio_s: float | None = None
    done_s: float | None = None
    status: str | None = None
    reason: str | None = None
    """Of a status that is not `completed`."""
    text: str | None = None
    tokens: int | None = None


class PlayedSpan(Struct, kw_only=True):
    """Where in the call a stretch of a part of the model's speech is played without a break."""

    begin_s: float
    end_s: float
    media_ms: float
    """How much of the part comes before it."""


class HeardPart(Struct, kw_only=True):
    """A part of the model's speech: how much of it came, and how much was heard."""

    item_id: str
    content_index: int
    response_id: str
    first_arrived_s: float
    arrived_ms: int = 0
    first_heard_s: float
    """See `CallTurn.first_heard_s`."""
    heard_ms: int = 0
    cut_by: CutBy | None = None
    """None for a part that was not cut, and where nothing says how much was heard: then all of it counts."""
    underruns: int = 0
    """How often it was played to the end of what had come, and more of it came later."""
    is_noted: bool = False
    """Whether `heard_ms` is what the player noted."""
    spans: list[PlayedSpan] = []
    """All that came, as it is played if nothing cuts it: `heard_ms` says how far it was heard."""


class CallInterruption(Struct, kw_only=True):
    """The user spoke, or the client cut, while the model was heard."""

    at_s: float
    """In seconds since the start of the recording."""
    turn: int
    """The number of the turn whose answer it was."""
    item_id: str
    content_index: int
    heard_ms: int
    arrived_ms: int
    cut_by: CutBy
    silent_s: float
    """When nothing of it was heard any more."""

    @property
    def yield_ms(self) -> int:
        """From the user's speech to silence."""
        return max(0, round((self.silent_s - self.at_s) * _MS))


class CallTool(Struct, kw_only=True):
    """A function call of the model."""

    call_id: str
    name: str | None = None
    turn: int
    asked_s: float | None = None
    """When its arguments were complete."""
    arguments: str | None = None
    began_s: float | None = None
    """By the client's notes."""
    ended_s: float | None = None
    answered_s: float | None = None
    """When its output was sent."""

    @property
    def duration_ms(self) -> int | None:
        """How long it ran, by the client's notes; else from its arguments to its output."""
        if self.began_s is not None:
            return _between_ms(self.began_s, self.ended_s)
        return _between_ms(self.asked_s, self.answered_s)


class CallError(Struct, kw_only=True):
    """An `error` event, or a connection that was lost or closed with a code that is no agreement."""

    at_s: float
    """In seconds since the start of the recording."""
    code: str | None
    message: str
    answers: str | None = None
    """The type of the command that it answers, if it names one."""


class CallMark(Struct, kw_only=True):
    """A moment with words: the application's marks, faults that were made, closes and connections."""

    at_s: float
    """In seconds since the start of the recording."""
    kind: MarkKind
    text: str


class CallLegMoment(Struct, kw_only=True):
    """What happened on the leg of a telephone call, beside its session."""

    at_s: float
    """In seconds since the start of the recording."""
    kind: LegMomentKind
    end_s: float | None = None
    """Of `heard`: what the carrier has played without a break."""
    text: str = ""
    """Of `heard`, how it ended where it was cut; else the mark, the key, or the reason."""
    dropped_ms: int = 0
    """Of `clear`: what was in the carrier's queue."""


class CallView(Struct, kw_only=True):
    """A call as far as its lines were pushed."""

    side: str = "client"
    model: str | None = None
    session_id: str | None = None
    last_at_s: float = 0.0
    turns: list[CallTurn] = []
    responses: list[CallResponse] = []
    heard: list[HeardPart] = []
    interruptions: list[CallInterruption] = []
    tools: list[CallTool] = []
    errors: list[CallError] = []
    marks: list[CallMark] = []
    leg: list[CallLegMoment] = []
    """Of a telephone call whose leg is recorded."""
    tokens: TokenCounts = msgspec.field(default_factory=TokenCounts)
    sequence: list[CallEvent] = []
    """The events in their order; `to_json` has only their number."""
    events: dict[str, int] = {}
    """How many messages of each type passed; "(unreadable)" for what is no JSON object."""
    unknown: int = 0
    """Messages of unknown types, or that break the shape of their type."""
    user_audio_ms: int = 0
    model_audio_ms: int = 0
    dropped: int = 0
    """Rows that are not here, because there were more than a list holds."""

    def response(self, response_id: str) -> CallResponse | None:
        """The response with this id."""
        return next((each for each in reversed(self.responses) if each.response_id == response_id), None)

    def row(self, kind: str, index: int) -> dict[str, Any]:
        """A row as JSON-ready data, with its figures."""
        row = getattr(self, kind)[index]
        content: dict[str, Any] = msgspec.to_builtins(row)
        return content | {figure: getattr(row, figure) for figure in _FIGURES.get(kind, ())}

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-ready data, with the figures of each row."""
        content: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, sequence=[]))
        del content["sequence"]
        for name, figures in _FIGURES.items():
            for row, shown in zip(getattr(self, name), content[name], strict=True):
                shown.update({figure: getattr(row, figure) for figure in figures})
        return content


_FIGURES: Final = {
    "turns": ("endpointing_ms", "first_text_ms", "first_audio_ms", "first_heard_ms", "transcript_ms"),
    "interruptions": ("yield_ms",),
    "tools": ("duration_ms",),
}
"""Rows with figures that are worked out from their times."""
