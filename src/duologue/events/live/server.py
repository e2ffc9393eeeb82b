"""Events of a Live connection that the server sends."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta, Struct

from duologue.events.base import UNSET, Id, Maybe, WireObject, decode_audio
from duologue.events.live.base import LiveServerEvent
from duologue.events.live.decisions import DecisionItem, DecisionResult
from duologue.events.live.delegation import LiveDelegationRef
from duologue.events.live.session import LiveContextWindow, LiveSession, LiveSessionUsage

__all__ = [
    "LiveCloseReason",
    "LiveCommentaryAppendedEvent",
    "LiveDecisionEvent",
    "LiveDecisionItemCreatedEvent",
    "LiveDecisionItemDeletedEvent",
    "LiveDelegationCreatedEvent",
    "LiveError",
    "LiveErrorEvent",
    "LiveFunctionCall",
    "LiveInfoEvent",
    "LiveInputAudioMutedEvent",
    "LiveInputAudioUnmutedEvent",
    "LiveInputTranscriptDeltaEvent",
    "LiveInstructionsAppendedEvent",
    "LiveOutputAudioDeltaEvent",
    "LiveOutputAudioFixturePlayedEvent",
    "LiveOutputAudioFixturePlayingEvent",
    "LiveOutputTranscriptDeltaEvent",
    "LiveResponseEvent",
    "LiveSessionClosedEvent",
    "LiveSessionPausedEvent",
    "LiveSessionResumedEvent",
    "LiveSessionStartedEvent",
    "LiveSessionUpdatedEvent",
    "LiveSessionUsageUpdatedEvent",
    "LiveThinkingAppendedEvent",
    "LiveTransportAnsweredEvent",
    "LiveTransportDtmfReceivedEvent",
    "LiveTransportDtmfSentEvent",
    "LiveTransportError",
    "LiveTransportFailedEvent",
    "LiveTransportRingingEvent",
]

LiveCloseReason: TypeAlias = Annotated[
    str, Meta(examples=["close_requested", "expired", "content", "remote_hangup", "connection_lost"])
]

# --- the session ----------------------------------------------------------------------------------------------------


class LiveSessionStartedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.started"):
    """The session runs; the first event, with all settings."""

    type: ClassVar[Literal["session.started"]] = "session.started"
    session: LiveSession


class LiveSessionUpdatedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    """An update was taken; the session in full."""

    type: ClassVar[Literal["session.updated"]] = "session.updated"
    session: LiveSession


class LiveSessionPausedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.paused"):
    """The session was idle and the model is stopped, until the user speaks (WebRTC)."""

    type: ClassVar[Literal["session.paused"]] = "session.paused"


class LiveSessionResumedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.resumed"):
    """The user spoke, and the model runs again (WebRTC)."""

    type: ClassVar[Literal["session.resumed"]] = "session.resumed"


class LiveSessionUsageUpdatedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.usage.updated"):
    """What the session has cost since its start."""

    type: ClassVar[Literal["session.usage.updated"]] = "session.usage.updated"
    usage: LiveSessionUsage
    context_window: Maybe[LiveContextWindow] = UNSET


class LiveSessionClosedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.closed"):
    """The session is finished, and its cost final. The last event: a connection that ends without it was cut off."""

    type: ClassVar[Literal["session.closed"]] = "session.closed"
    reason: LiveCloseReason
    session: Maybe[LiveSession] = UNSET
    usage: Maybe[LiveSessionUsage] = UNSET


class LiveError(WireObject, frozen=True, kw_only=True):
    """What went wrong. The code is published as required; some relays send a message alone."""

    message: Maybe[str] = UNSET
    code: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    param: Maybe[str] = UNSET
    client_event_id: Maybe[Id] = UNSET
    """The command that was refused."""


class LiveErrorEvent(LiveServerEvent, frozen=True, kw_only=True, tag="error"):
    """A command was refused, or the server failed at something of its own. A session that has begun goes on."""

    type: ClassVar[Literal["error"]] = "error"
    error: LiveError


class LiveInfoEvent(LiveServerEvent, frozen=True, kw_only=True, tag="info"):
    """Something worth knowing, such as what a data channel is allowed."""

    type: ClassVar[Literal["info"]] = "info"
    code: str
    message: Maybe[str] = UNSET


# --- audio and text -------------------------------------------------------------------------------------------------


class LiveOutputAudioDeltaEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.output_audio.delta"):
    """The next piece of the model's sound, base64, silence included. There is no event for its end.

    The times are those of the session, in milliseconds. With them a piece belongs at `start_ms`, without them behind
    the piece before.
    """

    type: ClassVar[Literal["session.output_audio.delta"]] = "session.output_audio.delta"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"delta"})
    delta: str
    start_ms: Maybe[int] = UNSET
    end_ms: Maybe[int] = UNSET

    def decode_audio(self) -> bytes:
        """The sound's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.delta)


class LiveInputTranscriptDeltaEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.input_transcript.delta"):
    """The next piece of what the user says, with its spaces and its place in the session's time."""

    type: ClassVar[Literal["session.input_transcript.delta"]] = "session.input_transcript.delta"
    delta: str
    start_ms: int
    end_ms: int


class LiveOutputTranscriptDeltaEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.output_transcript.delta"):
    """The next piece of what the model says; it comes before its sound."""

    type: ClassVar[Literal["session.output_transcript.delta"]] = "session.output_transcript.delta"
    delta: str
    start_ms: int
    end_ms: int


class LiveInputAudioMutedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.input_audio.muted"):
    """The model gets silence."""

    type: ClassVar[Literal["session.input_audio.muted"]] = "session.input_audio.muted"


class LiveInputAudioUnmutedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.input_audio.unmuted"):
    """The model gets the input."""

    type: ClassVar[Literal["session.input_audio.unmuted"]] = "session.input_audio.unmuted"


class LiveOutputAudioFixturePlayingEvent(
    LiveServerEvent, frozen=True, kw_only=True, tag="session.output_audio.fixture.playing"
):
    """A clip was taken, and is being played."""

    type: ClassVar[Literal["session.output_audio.fixture.playing"]] = "session.output_audio.fixture.playing"


class LiveOutputAudioFixturePlayedEvent(
    LiveServerEvent, frozen=True, kw_only=True, tag="session.output_audio.fixture.played"
):
    """The clip has been played, and the model goes on. It does not come for a clip that was cancelled or failed."""

    type: ClassVar[Literal["session.output_audio.fixture.played"]] = "session.output_audio.fixture.played"


# --- appends --------------------------------------------------------------------------------------------------------


class LiveInstructionsAppendedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.instructions.appended"):
    """The model knows the rule, from this place in the session's time on. Whether it has acted on it, nothing says."""

    type: ClassVar[Literal["session.instructions.appended"]] = "session.instructions.appended"
    start_ms: int
    end_ms: int


class LiveThinkingAppendedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.thinking.appended"):
    """The model knows what it should not say."""

    type: ClassVar[Literal["session.thinking.appended"]] = "session.thinking.appended"
    start_ms: int
    end_ms: int


class LiveCommentaryAppendedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.commentary.appended"):
    """The model knows what it may say."""

    type: ClassVar[Literal["session.commentary.appended"]] = "session.commentary.appended"
    start_ms: int
    end_ms: int


# --- delegation -----------------------------------------------------------------------------------------------------


class LiveDelegationCreatedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="session.delegation.created"):
    """The model handed over a piece of work. `offset_ms` is in the session's time, and may be past."""

    type: ClassVar[Literal["session.delegation.created"]] = "session.delegation.created"
    delegation: LiveDelegationRef
    offset_ms: int


class LiveFunctionCall(Struct, frozen=True, kw_only=True):
    """A function that the Responses model calls; `arguments` is JSON text."""

    call_id: Id
    name: str
    arguments: str


class LiveResponseEvent(LiveServerEvent, frozen=True, kw_only=True, tag="response.event"):
    """An event of the Responses API, as it came from there.

    Without a `delegation_id`, or with null, it belongs to a `response.create` of the application.
    """

    type: ClassVar[Literal["response.event"]] = "response.event"
    event: dict[str, Any]
    delegation_id: Maybe[Id] = UNSET

    @property
    def function_call(self) -> LiveFunctionCall | None:
        """The call that this event completes; None for any other event.

        A call is in three events of the stream, and this is the one to act on: `response.output_item.done`.
        """
        item = self.event.get("item")
        if self.event.get("type") != "response.output_item.done" or not isinstance(item, dict):
            return None
        call_id, name, arguments = item.get("call_id"), item.get("name"), item.get("arguments")
        if item.get("type") != "function_call" or not (isinstance(call_id, str) and isinstance(name, str)):
            return None
        return LiveFunctionCall(call_id=call_id, name=name, arguments=arguments if isinstance(arguments, str) else "")


class LiveDecisionEvent(LiveServerEvent, frozen=True, kw_only=True, tag="decision.event"):
    """An event of the Decision API. Four keys say what it answers: each is always there, null where it is not meant."""

    type: ClassVar[Literal["decision.event"]] = "decision.event"
    event: DecisionResult
    delegation_id: Id | None
    trigger_id: Id | None
    source_event_id: Id | None
    """The transcript delta at which a trigger fired."""
    source_event_type: str | None


class LiveDecisionItemCreatedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="decision.item.created"):
    """An item was added for later decisions."""

    type: ClassVar[Literal["decision.item.created"]] = "decision.item.created"
    item: DecisionItem


class LiveDecisionItemDeletedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="decision.item.deleted"):
    """Such an item was removed."""

    type: ClassVar[Literal["decision.item.deleted"]] = "decision.item.deleted"
    item_id: Id


# --- telephone ------------------------------------------------------------------------------------------------------


class LiveTransportDtmfReceivedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="transport.dtmf.received"):
    """The caller pressed a key (SIP, on a sideband)."""

    type: ClassVar[Literal["transport.dtmf.received"]] = "transport.dtmf.received"
    event: str


class LiveTransportDtmfSentEvent(LiveServerEvent, frozen=True, kw_only=True, tag="transport.dtmf.sent"):
    """A key was sent to the line (SIP, on a sideband)."""

    type: ClassVar[Literal["transport.dtmf.sent"]] = "transport.dtmf.sent"
    event: str


class LiveTransportRingingEvent(LiveServerEvent, frozen=True, kw_only=True, tag="transport.ringing"):
    """The called telephone rings (SIP, on a sideband)."""

    type: ClassVar[Literal["transport.ringing"]] = "transport.ringing"
    session_id: Id


class LiveTransportAnsweredEvent(LiveServerEvent, frozen=True, kw_only=True, tag="transport.answered"):
    """The call was taken, and audio flows (SIP, on a sideband)."""

    type: ClassVar[Literal["transport.answered"]] = "transport.answered"
    session_id: Id


class LiveTransportError(WireObject, frozen=True, kw_only=True):
    """Why there is no call."""

    message: Maybe[str] = UNSET
    code: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    param: Maybe[str] = UNSET


class LiveTransportFailedEvent(LiveServerEvent, frozen=True, kw_only=True, tag="transport.failed"):
    """The call could not be made (SIP, on a sideband)."""

    type: ClassVar[Literal["transport.failed"]] = "transport.failed"
    session_id: Id
    error: LiveTransportError
