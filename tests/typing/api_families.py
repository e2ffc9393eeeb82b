"""Live and translation as two type checkers see them: nothing here runs but the import."""

from __future__ import annotations

from typing import Any, assert_never, assert_type

from duologue import codec, events
from duologue.dialects import LIVE_PROFILES, detect_live
from duologue.dialects.detection import Guess
from duologue.dialects.live import LiveProfile
from duologue.events import UnsetType, live

__all__: list[str] = []

# --- reading and writing ----------------------------------------------------------------------------------------------


def reads_and_writes_translations(text: str, mapping: dict[str, Any], event: events.TranslationEvent) -> None:
    assert_type(codec.decode_translation(text), events.AnyTranslationEvent)
    assert_type(codec.encode_translation(event), bytes)
    assert_type(events.TranslationEvent.from_json(mapping), events.AnyTranslationEvent)
    assert_type(event.to_json(), dict[str, Any])


def reads_and_writes_live(text: str, mapping: dict[str, Any], event: live.LiveEvent) -> None:
    assert_type(codec.decode_live(text), live.AnyLiveEvent)
    assert_type(codec.decode_live(text, dialect="kugel"), live.AnyLiveEvent)
    assert_type(codec.encode_live(event), bytes)
    assert_type(live.LiveEvent.from_json(mapping), live.AnyLiveEvent)
    assert_type(event.to_json(), dict[str, Any])
    assert_type(detect_live(mapping), Guess)
    assert_type(LIVE_PROFILES["kugel"], LiveProfile)


def fields_have_three_states(started: live.LiveSessionStartedEvent, unknown: live.UnknownLiveEvent) -> None:
    assert_type(started.client_event_id, str | UnsetType | None)
    assert_type(started.session, live.LiveSession)
    assert_type(unknown.wire_type, str | None)


# --- narrowing --------------------------------------------------------------------------------------------------------


def a_wire_name_narrows_what_decoding_yields(text: str) -> None:
    event = codec.decode_live(text)
    if event.type == "session.output_transcript.delta":
        assert_type(event, live.LiveOutputTranscriptDeltaEvent)
        assert_type(event.start_ms, int)
    elif event.type == "session.closed":
        assert_type(event, live.LiveSessionClosedEvent)
    translated = codec.decode_translation(text)
    if translated.type == "session.output_transcript.delta":
        assert_type(translated, events.TranslationOutputTranscriptDeltaEvent)


# --- exhausting: a class more or less in a union is an error here -----------------------------------------------------


def decoding_live_yields_a_closed_union(text: str) -> str | None:
    match codec.decode_live(text):
        case live.LiveServerEvent() | live.LiveClientEvent() as event:
            return event.type
        case live.UnknownLiveEvent(problem=problem):
            return problem
        case other:
            assert_never(other)


def decoding_a_translation_yields_a_closed_union(text: str) -> str:
    match codec.decode_translation(text):
        case events.TranslationSessionCreatedEvent() | events.TranslationSessionUpdatedEvent():
            return "session"
        case events.TranslationInputTranscriptDeltaEvent() | events.TranslationOutputTranscriptDeltaEvent() as piece:
            return piece.delta
        case events.TranslationOutputAudioDeltaEvent() | events.TranslationInputAudioBufferAppendEvent():
            return "audio"
        case events.TranslationSessionUpdateEvent() | events.TranslationSessionCloseEvent():
            return "command"
        case events.TranslationSessionClosedEvent() | events.TranslationErrorEvent():
            return "end"
        case events.UnknownTranslationEvent() as unknown:
            return unknown.problem
        case other:
            assert_never(other)


def a_live_delegation_is_one_of_a_closed_union(delegation: live.LiveDelegation) -> str:
    match delegation:
        case live.LiveClientDelegation() | live.LiveResponsesDelegation() | live.LiveDecisionsDelegation():
            return delegation.type
        case live.UnknownLiveDelegation():
            return "unknown"
        case other:
            assert_never(other)


def every_live_server_event(event: live.AnyLiveServerEvent) -> str:
    match event:
        case live.LiveCommentaryAppendedEvent():
            return event.type
        case live.LiveDecisionEvent():
            return event.type
        case live.LiveDecisionItemCreatedEvent():
            return event.type
        case live.LiveDecisionItemDeletedEvent():
            return event.type
        case live.LiveDelegationCreatedEvent():
            return event.type
        case live.LiveErrorEvent():
            return event.type
        case live.LiveInfoEvent():
            return event.type
        case live.LiveInputAudioAppendEvent():
            return event.type
        case live.LiveInputAudioMutedEvent():
            return event.type
        case live.LiveInputAudioUnmutedEvent():
            return event.type
        case live.LiveInputTranscriptDeltaEvent():
            return event.type
        case live.LiveInstructionsAppendedEvent():
            return event.type
        case live.LiveOutputAudioDeltaEvent():
            return event.type
        case live.LiveOutputAudioFixturePlayedEvent():
            return event.type
        case live.LiveOutputAudioFixturePlayingEvent():
            return event.type
        case live.LiveOutputTranscriptDeltaEvent():
            return event.type
        case live.LiveResponseEvent():
            return event.type
        case live.LiveSessionClosedEvent():
            return event.type
        case live.LiveSessionPausedEvent():
            return event.type
        case live.LiveSessionResumedEvent():
            return event.type
        case live.LiveSessionStartedEvent():
            return event.type
        case live.LiveSessionUpdatedEvent():
            return event.type
        case live.LiveSessionUsageUpdatedEvent():
            return event.type
        case live.LiveThinkingAppendedEvent():
            return event.type
        case live.LiveTransportAnsweredEvent():
            return event.type
        case live.LiveTransportDtmfReceivedEvent():
            return event.type
        case live.LiveTransportDtmfSendEvent():
            return event.type
        case live.LiveTransportDtmfSentEvent():
            return event.type
        case live.LiveTransportFailedEvent():
            return event.type
        case live.LiveTransportRingingEvent():
            return event.type
        case _:
            assert_never(event)


def every_live_client_event(event: live.AnyLiveClientEvent) -> str:
    match event:
        case live.LiveCommentaryAppendEvent():
            return event.type
        case live.LiveDecisionCreateEvent():
            return event.type
        case live.LiveDecisionItemCreateEvent():
            return event.type
        case live.LiveDecisionItemDeleteEvent():
            return event.type
        case live.LiveInputAudioAppendEvent():
            return event.type
        case live.LiveInputAudioMuteEvent():
            return event.type
        case live.LiveInputAudioUnmuteEvent():
            return event.type
        case live.LiveInstructionsAppendEvent():
            return event.type
        case live.LiveOutputAudioFixturePlayEvent():
            return event.type
        case live.LiveResponseCreateEvent():
            return event.type
        case live.LiveResponseItemCreateEvent():
            return event.type
        case live.LiveSessionCloseEvent():
            return event.type
        case live.LiveSessionStartEvent():
            return event.type
        case live.LiveSessionUpdateEvent():
            return event.type
        case live.LiveThinkingAppendEvent():
            return event.type
        case live.LiveTransportDtmfSendEvent():
            return event.type
        case _:
            assert_never(event)


def every_translation_server_event(event: events.AnyTranslationServerEvent) -> str:
    match event:
        case events.TranslationErrorEvent():
            return event.type
        case events.TranslationInputTranscriptDeltaEvent():
            return event.type
        case events.TranslationOutputAudioDeltaEvent():
            return event.type
        case events.TranslationOutputTranscriptDeltaEvent():
            return event.type
        case events.TranslationSessionClosedEvent():
            return event.type
        case events.TranslationSessionCreatedEvent():
            return event.type
        case events.TranslationSessionUpdatedEvent():
            return event.type
        case _:
            assert_never(event)


def every_translation_client_event(event: events.AnyTranslationClientEvent) -> str:
    match event:
        case events.TranslationInputAudioBufferAppendEvent():
            return event.type
        case events.TranslationSessionCloseEvent():
            return event.type
        case events.TranslationSessionUpdateEvent():
            return event.type
        case _:
            assert_never(event)
