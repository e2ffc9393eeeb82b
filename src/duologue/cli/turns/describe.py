"""An event in a few words, for people."""

from __future__ import annotations

from duologue.events import (
    AudioPart,
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDoneEvent,
    ErrorEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioPart,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    InputTextPart,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    RateLimitsUpdatedEvent,
    RealtimeEvent,
    RealtimeResponse,
    RealtimeSession,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TextPart,
    UnknownRealtimeEvent,
    is_set,
)

__all__ = ["describe", "failure_of", "words_of"]


def describe(event: RealtimeEvent) -> str:
    """The content of an event in short; empty where its name suffices. Deltas keep their white space."""
    match event:
        case UnknownRealtimeEvent():
            return event.problem
        case ErrorEvent(error=error):
            return f"{error.code}: {error.message}" if is_set(error.code) else error.message
        case SessionCreatedEvent(session=session) | SessionUpdatedEvent(session=session):
            return _session(session) if isinstance(session, RealtimeSession) else ""
        case SessionUpdateEvent():
            return ", ".join(sorted(name for name in event.to_json()["session"] if name != "type"))
        case InputAudioBufferSpeechStartedEvent():
            return f"from {event.audio_start_ms} ms"
        case InputAudioBufferSpeechStoppedEvent():
            return f"until {event.audio_end_ms} ms"
        case InputAudioBufferCommittedEvent():
            return event.item_id
        case ConversationItemAddedEvent() | ConversationItemDoneEvent() | ConversationItemCreatedEvent():
            return _item(event.item)
        case ConversationItemCreateEvent() | ResponseOutputItemAddedEvent() | ResponseOutputItemDoneEvent():
            return _item(event.item)
        case ResponseContentPartAddedEvent() | ResponseContentPartDoneEvent():
            return " ".join(filter(None, (event.part.type, _quoted(_part(event.part)))))
        case InputAudioTranscriptionCompletedEvent() | ResponseAudioTranscriptDoneEvent():
            return _quoted(event.transcript)
        case InputAudioTranscriptionFailedEvent():
            return event.error.message if is_set(event.error.message) else ""
        case ResponseTextDoneEvent():
            return _quoted(event.text)
        case ResponseCreatedEvent() | ResponseDoneEvent():
            return _response(event.response)
        case ResponseFunctionCallArgumentsDoneEvent():
            return f"{event.name}({event.arguments})"
        case (
            InputAudioTranscriptionDeltaEvent()
            | ResponseAudioTranscriptDeltaEvent()
            | ResponseTextDeltaEvent()
            | ResponseFunctionCallArgumentsDeltaEvent()
        ):
            return event.delta if is_set(event.delta) else ""
        case RateLimitsUpdatedEvent():
            limits = ((limit.name, limit.remaining) for limit in event.rate_limits)
            return ", ".join(f"{name}: {left} left" for name, left in limits if is_set(name) and is_set(left))
        case _:
            return ""


def words_of(item: ConversationItem) -> str:
    """The text of a message; empty for other items."""
    return " ".join(filter(None, map(_part, item.content))) if isinstance(item, MessageItem) else ""


def failure_of(response: RealtimeResponse) -> str | None:
    """Why a response did not complete; None if it did, or has no status."""
    if not is_set(response.status) or response.status == "completed":
        return None
    details = response.status_details
    reason = details.reason if is_set(details) else None
    error = details.error if is_set(details) else None
    message = (error.message if is_set(error.message) else error.code) if is_set(error) else None
    return ": ".join(str(part) for part in (response.status, reason, message) if is_set(part))


def _session(session: RealtimeSession) -> str:
    model = session.model if is_set(session.model) else ""
    voice = session.audio.output.voice if is_set(session.audio) and is_set(session.audio.output) else None
    return ", ".join(part for part in (model, f"voice {voice}" if isinstance(voice, str) else "") if part)


def _item(item: ConversationItem) -> str:
    match item:
        case MessageItem():
            return " ".join(filter(None, (item.role, _quoted(words_of(item)))))
        case FunctionCallItem():
            return f"calls {item.name}"
        case FunctionCallOutputItem():
            return f"returns {item.output}"
        case _:
            return item.type or ""


def _part(part: object) -> str:
    match part:
        case InputTextPart() | OutputTextPart() | TextPart():
            return part.text
        case InputAudioPart() | OutputAudioPart() | AudioPart():
            return part.transcript if is_set(part.transcript) else ""
        case _:
            return ""


def _response(response: RealtimeResponse) -> str:
    usage = response.usage
    tokens = f"{usage.total_tokens} tokens" if is_set(usage) and is_set(usage.total_tokens) else ""
    status = failure_of(response) or (response.status if is_set(response.status) else "")
    return ", ".join(filter(None, (status, tokens)))


def _quoted(text: str) -> str:
    return f"“{text}”" if text else ""
