"""Commands of a Live connection: what a client sends."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from duologue.events.base import UNSET, Id, Maybe, Opt, decode_audio, encode_audio
from duologue.events.live.base import LiveClientEvent
from duologue.events.live.decisions import DecisionItem
from duologue.events.live.session import LiveSessionConfig, LiveSessionUpdate

__all__ = [
    "LiveCommentaryAppendEvent",
    "LiveDecisionCreateEvent",
    "LiveDecisionItemCreateEvent",
    "LiveDecisionItemDeleteEvent",
    "LiveInputAudioAppendEvent",
    "LiveInputAudioMuteEvent",
    "LiveInputAudioUnmuteEvent",
    "LiveInstructionsAppendEvent",
    "LiveOutputAudioFixturePlayEvent",
    "LiveResponseCreateEvent",
    "LiveResponseItemCreateEvent",
    "LiveSessionCloseEvent",
    "LiveSessionStartEvent",
    "LiveSessionUpdateEvent",
    "LiveThinkingAppendEvent",
    "LiveTransportDtmfSendEvent",
]

# --- the session ----------------------------------------------------------------------------------------------------


class LiveSessionStartEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.start"):
    """Starts the session. It comes first, and once; the server says nothing before."""

    type: ClassVar[Literal["session.start"]] = "session.start"
    session: LiveSessionConfig


class LiveSessionUpdateEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Changes settings of the delegation, or the triggers."""

    type: ClassVar[Literal["session.update"]] = "session.update"
    session: LiveSessionUpdate


class LiveSessionCloseEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.close"):
    """Asks for the end: what was begun is finished, and `session.closed` follows."""

    type: ClassVar[Literal["session.close"]] = "session.close"


# --- audio ----------------------------------------------------------------------------------------------------------


class LiveInputAudioAppendEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.input_audio.append"):
    """Sends audio, base64, silence too: the session's time passes with it alone. Nothing acknowledges it.

    A sideband receives an event of this name as well: a copy of what came in on the primary connection.
    """

    type: ClassVar[Literal["session.input_audio.append"]] = "session.input_audio.append"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"audio"})
    audio: str

    @classmethod
    def from_audio(cls, audio: bytes, *, event_id: Opt[Id] = UNSET) -> LiveInputAudioAppendEvent:
        """The event that sends these bytes, which must be in the session's format."""
        return cls(audio=encode_audio(audio), event_id=event_id)

    def decode_audio(self) -> bytes:
        """The audio's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.audio)


class LiveInputAudioMuteEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.input_audio.mute"):
    """The model gets silence in place of the input."""

    type: ClassVar[Literal["session.input_audio.mute"]] = "session.input_audio.mute"


class LiveInputAudioUnmuteEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.input_audio.unmute"):
    """The model gets the input again."""

    type: ClassVar[Literal["session.input_audio.unmute"]] = "session.input_audio.unmute"


class LiveOutputAudioFixturePlayEvent(
    LiveClientEvent, frozen=True, kw_only=True, tag="session.output_audio.fixture.play"
):
    """Plays a clip in place of the model: 24 kHz mono PCM16 in every session, 30 s at most, one clip at a time."""

    type: ClassVar[Literal["session.output_audio.fixture.play"]] = "session.output_audio.fixture.play"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"audio"})
    audio: str

    @classmethod
    def from_audio(cls, audio: bytes, *, event_id: Opt[Id] = UNSET) -> LiveOutputAudioFixturePlayEvent:
        """The event that plays these bytes."""
        return cls(audio=encode_audio(audio), event_id=event_id)

    def decode_audio(self) -> bytes:
        """The clip's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.audio)


# --- what the voice model knows -------------------------------------------------------------------------------------


class LiveInstructionsAppendEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.instructions.append"):
    """Adds a rule that stays. `delegation_id` must be there, and may be null; so in all three appends."""

    type: ClassVar[Literal["session.instructions.append"]] = "session.instructions.append"
    delegation_id: Id | None
    content: str
    """500 tokens at most; so in all three appends."""


class LiveThinkingAppendEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.thinking.append"):
    """Adds what the model should know and not say, such as how far a piece of work is."""

    type: ClassVar[Literal["session.thinking.append"]] = "session.thinking.append"
    delegation_id: Id | None
    content: str


class LiveCommentaryAppendEvent(LiveClientEvent, frozen=True, kw_only=True, tag="session.commentary.append"):
    """Adds what the model may say, in its own words; with a `delegation_id`, as the answer to that delegation."""

    type: ClassVar[Literal["session.commentary.append"]] = "session.commentary.append"
    delegation_id: Id | None
    content: str


# --- backends -------------------------------------------------------------------------------------------------------


class LiveResponseItemCreateEvent(LiveClientEvent, frozen=True, kw_only=True, tag="response.item.create"):
    """Gives the Responses model an input item, such as a `function_call_output`. Nothing acknowledges it."""

    type: ClassVar[Literal["response.item.create"]] = "response.item.create"
    item: dict[str, Any]
    """Any input item of the Responses API."""


class LiveResponseCreateEvent(LiveClientEvent, frozen=True, kw_only=True, tag="response.create"):
    """Has the Responses model go on, when all its calls have their outputs."""

    type: ClassVar[Literal["response.create"]] = "response.create"


class LiveDecisionCreateEvent(LiveClientEvent, frozen=True, kw_only=True, tag="decision.create"):
    """Has the questions answered now. Its id must be there, and be new in the session."""

    type: ClassVar[Literal["decision.create"]] = "decision.create"
    event_id: Id  # pyright: ignore[reportGeneralTypeIssues]  # the wire's own exception to its rule


class LiveDecisionItemCreateEvent(LiveClientEvent, frozen=True, kw_only=True, tag="decision.item.create"):
    """Adds an item for later decisions."""

    type: ClassVar[Literal["decision.item.create"]] = "decision.item.create"
    item: DecisionItem


class LiveDecisionItemDeleteEvent(LiveClientEvent, frozen=True, kw_only=True, tag="decision.item.delete"):
    """Removes such an item."""

    type: ClassVar[Literal["decision.item.delete"]] = "decision.item.delete"
    item_id: Id


# --- telephone ------------------------------------------------------------------------------------------------------


class LiveTransportDtmfSendEvent(LiveClientEvent, frozen=True, kw_only=True, tag="transport.dtmf.send"):
    """Sends a telephone key to the line: 0-9, A-D, `*` or `#` (SIP, from a sideband).

    Servers sent an event of this name for what is `transport.dtmf.sent` today.
    """

    type: ClassVar[Literal["transport.dtmf.send"]] = "transport.dtmf.send"
    event: str
    client_event_id: Maybe[Id] = UNSET
    """In what a server sent."""
