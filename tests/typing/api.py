"""The public API as two type checkers see it: nothing here runs but the import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, assert_never, assert_type

import duologue
import duologue.blocking
from duologue import RealtimeEvent, UnknownRealtimeEvent, blocking, codec, decode, encode, events, notices
from duologue.client import blocking as client_blocking
from duologue.events import UnsetType
from duologue.events import live as live_events
from duologue.protocol import ClientProtocol
from duologue.protocol import states as tables
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.server import commands
from duologue.protocol.server import turn_detection as turns

__all__: list[str] = []

# --- reading and writing ----------------------------------------------------------------------------------------------


def reads_and_writes(text: str, data: bytes, mapping: dict[str, Any], event: RealtimeEvent) -> None:
    assert_type(decode(text), events.AnyEvent)
    assert_type(decode(data, dialect="openai-beta"), events.AnyEvent)
    assert_type(duologue.decode(data), events.AnyEvent)
    assert_type(encode(event), bytes)
    assert_type(encode(event, dialect="openai-beta"), bytes)
    assert_type(RealtimeEvent.from_json(text), events.AnyEvent)
    assert_type(RealtimeEvent.from_json(data), events.AnyEvent)
    assert_type(RealtimeEvent.from_json(mapping), events.AnyEvent)
    assert_type(events.ErrorEvent.from_json(mapping), events.AnyEvent)
    assert_type(event.to_json(), dict[str, Any])
    assert_type(codec.translate(event, dialect="openai").frame, dict[str, Any] | None)
    assert_type(codec.translate(event, dialect="openai").lost, tuple[str, ...])


def everyday_names_have_their_types(url: str) -> None:
    assert_type(duologue.Toolbox(), Toolbox)
    assert_type(duologue.ReconnectPolicy(), ReconnectPolicy)
    assert_type(duologue.Endpoint(url=url).socket, duologue.SocketOptions)
    assert_type(duologue.CoreOptions().rotation, duologue.RotationLimits)
    assert_type(duologue.CoreOptions().silence, duologue.SilenceLimits)


# --- without an event loop --------------------------------------------------------------------------------------------


def both_ways_to_the_blocking_client_are_one(url: str) -> None:
    with duologue.blocking.connect(url) as connection:
        assert_type(connection, client_blocking.BlockingConnection)
    with blocking.converse(url) as conversation:
        assert_type(conversation, client_blocking.BlockingConversation)


# --- fields -----------------------------------------------------------------------------------------------------------


def fields_have_three_states(event: events.ErrorEvent, update: events.SessionUpdateEvent) -> None:
    assert_type(event.event_id, str | UnsetType | None)
    assert_type(event.error.message, str)
    assert_type(event.error.code, str | UnsetType | None)
    if events.is_set(event.error.code):
        assert_type(event.error.code, str)
    assert_type(update.event_id, str | UnsetType | None)


def the_type_is_a_literal(delta: events.ResponseTextDeltaEvent, unknown: UnknownRealtimeEvent) -> None:
    kind: Literal["response.output_text.delta"] = delta.type
    assert_type(unknown.wire_type, str | None)
    assert_type(events.InputAudioBufferAppendEvent.from_audio(b"").audio, str)
    del kind


# --- narrowing --------------------------------------------------------------------------------------------------------


def a_class_pattern_narrows(event: RealtimeEvent) -> None:
    match event:
        case events.ResponseTextDeltaEvent(delta=delta):
            assert_type(event, events.ResponseTextDeltaEvent)
            assert_type(delta, str)
        case events.ConversationItemAddedEvent(item=events.MessageItem(role="user", content=content)):
            assert_type(content, list[events.ContentPart])
        case events.ServerEvent():
            assert_type(event.event_id, str)
        case UnknownRealtimeEvent(problem=problem):
            assert_type(problem, str)
        case _:
            assert_type(event, RealtimeEvent)


def a_wire_name_narrows_what_decoding_yields(text: str) -> None:
    event = decode(text)
    if event.type == "response.done":
        assert_type(event, events.ResponseDoneEvent)
        assert_type(event.response, events.RealtimeResponse)
    elif event.type == "response.output_text.delta":
        assert_type(event, events.ResponseTextDeltaEvent)
    read = RealtimeEvent.from_json(text)
    if read.type == "session.update":
        assert_type(read, events.SessionUpdateEvent)


async def a_wire_name_narrows_what_a_connection_yields(connection: duologue.Connection) -> None:
    count: dict[str, int] = {}
    async for event in connection:
        count[event.type] = 1
        match event.type:
            case "response.output_audio.delta":
                assert_type(event, events.ResponseAudioDeltaEvent)
            case "error":
                assert_type(event.error, events.RealtimeError)
            case _:
                pass
    received = await connection.receive()
    assert_type(received, events.ReceivedEvent)
    if received.type == "session.created":
        assert_type(received, events.SessionCreatedEvent)
    elif isinstance(received, UnknownRealtimeEvent):
        assert_type(received, UnknownRealtimeEvent)
        assert_type(received.problem, str)


def a_wire_name_narrows_what_a_blocking_connection_yields(connection: client_blocking.BlockingConnection) -> None:
    for event in connection:
        if event.type == "error":
            assert_type(event, events.ErrorEvent)
    received = connection.receive(timeout=1)
    if received.type == "response.created":
        assert_type(received, events.ResponseCreatedEvent)


async def a_wire_name_narrows_what_a_conversation_reports(conversation: duologue.Conversation) -> None:
    async with conversation.stream(RealtimeEvent) as received:
        async for event in received:
            if event.type == "response.done":
                assert_type(event, events.ResponseDoneEvent)
    async with conversation.stream(events.ErrorEvent) as errors:
        async for error in errors:
            assert_type(error, events.ErrorEvent)


def a_wire_name_narrows_what_a_blocking_conversation_reports(conversation: blocking.BlockingConversation) -> None:
    with conversation.stream(RealtimeEvent, timeout=1) as received:
        for event in received:
            if event.type == "response.done":
                assert_type(event, events.ResponseDoneEvent)


def a_wire_name_narrows_what_the_protocol_yields(protocol: ClientProtocol, text: str) -> None:
    event = protocol.receive(text)
    if event.type == "response.output_item.done":
        assert_type(event, events.ResponseOutputItemDoneEvent)


# --- exhausting: a class more or less in a union is an error here -----------------------------------------------------


def every_client_event(event: events.AnyClientEvent) -> str:
    match event:
        case events.ConversationItemCreateEvent():
            return event.type
        case events.ConversationItemDeleteEvent():
            return event.type
        case events.ConversationItemRetrieveEvent():
            return event.type
        case events.ConversationItemTruncateEvent():
            return event.type
        case events.InputAudioBufferAppendEvent():
            return event.type
        case events.InputAudioBufferClearEvent():
            return event.type
        case events.InputAudioBufferCommitEvent():
            return event.type
        case events.OutputAudioBufferClearEvent():
            return event.type
        case events.ResponseCancelEvent():
            return event.type
        case events.ResponseCreateEvent():
            return event.type
        case events.SessionUpdateEvent():
            return event.type
        case events.TranscriptionSessionUpdateEvent():
            return event.type
        case _:
            assert_never(event)


def every_server_event(event: events.AnyServerEvent) -> str:
    match event:
        case events.ConversationCreatedEvent():
            return event.type
        case events.ConversationItemAddedEvent():
            return event.type
        case events.ConversationItemCreatedEvent():
            return event.type
        case events.ConversationItemDeletedEvent():
            return event.type
        case events.ConversationItemDoneEvent():
            return event.type
        case events.ConversationItemRetrievedEvent():
            return event.type
        case events.ConversationItemTruncatedEvent():
            return event.type
        case events.ErrorEvent():
            return event.type
        case events.InputAudioBufferClearedEvent():
            return event.type
        case events.InputAudioBufferCommittedEvent():
            return event.type
        case events.InputAudioBufferDtmfEventReceivedEvent():
            return event.type
        case events.InputAudioBufferSpeechStartedEvent():
            return event.type
        case events.InputAudioBufferSpeechStoppedEvent():
            return event.type
        case events.InputAudioBufferTimeoutTriggeredEvent():
            return event.type
        case events.InputAudioTranscriptionCompletedEvent():
            return event.type
        case events.InputAudioTranscriptionDeltaEvent():
            return event.type
        case events.InputAudioTranscriptionFailedEvent():
            return event.type
        case events.InputAudioTranscriptionSegmentEvent():
            return event.type
        case events.McpListToolsCompletedEvent():
            return event.type
        case events.McpListToolsFailedEvent():
            return event.type
        case events.McpListToolsInProgressEvent():
            return event.type
        case events.OutputAudioBufferClearedEvent():
            return event.type
        case events.OutputAudioBufferStartedEvent():
            return event.type
        case events.OutputAudioBufferStoppedEvent():
            return event.type
        case events.RateLimitsUpdatedEvent():
            return event.type
        case events.ResponseAudioDeltaEvent():
            return event.type
        case events.ResponseAudioDoneEvent():
            return event.type
        case events.ResponseAudioTranscriptDeltaEvent():
            return event.type
        case events.ResponseAudioTranscriptDoneEvent():
            return event.type
        case events.ResponseContentPartAddedEvent():
            return event.type
        case events.ResponseContentPartDoneEvent():
            return event.type
        case events.ResponseCreatedEvent():
            return event.type
        case events.ResponseDoneEvent():
            return event.type
        case events.ResponseFunctionCallArgumentsDeltaEvent():
            return event.type
        case events.ResponseFunctionCallArgumentsDoneEvent():
            return event.type
        case events.ResponseMcpCallArgumentsDeltaEvent():
            return event.type
        case events.ResponseMcpCallArgumentsDoneEvent():
            return event.type
        case events.ResponseMcpCallCompletedEvent():
            return event.type
        case events.ResponseMcpCallFailedEvent():
            return event.type
        case events.ResponseMcpCallInProgressEvent():
            return event.type
        case events.ResponseOutputItemAddedEvent():
            return event.type
        case events.ResponseOutputItemDoneEvent():
            return event.type
        case events.ResponseTextDeltaEvent():
            return event.type
        case events.ResponseTextDoneEvent():
            return event.type
        case events.SessionCreatedEvent():
            return event.type
        case events.SessionUpdatedEvent():
            return event.type
        case events.TranscriptionSessionCreatedEvent():
            return event.type
        case events.TranscriptionSessionUpdatedEvent():
            return event.type
        case _:
            assert_never(event)


def every_event(event: events.AnyEvent) -> str | None:
    match event:
        case UnknownRealtimeEvent():
            return event.type
        case events.ErrorEvent():
            return event.error.message
        case _:
            return event.type


def decoding_yields_events_of_servers_and_clients_and_unknown_ones(text: str) -> str | None:
    match decode(text):
        case events.ServerEvent() | events.ClientEvent() as event:
            return event.type
        case UnknownRealtimeEvent(problem=problem):
            return problem
        case other:
            assert_never(other)


async def a_connection_yields_events_of_servers_and_unknown_ones(connection: duologue.Connection) -> str | None:
    async for event in connection:
        match event:
            case events.ServerEvent():
                return event.type
            case UnknownRealtimeEvent():
                return event.problem
            case _:
                assert_never(event)
    return None


# --- closed unions ----------------------------------------------------------------------------------------------------


def every_notice(notice: notices.Notice) -> str:
    match notice:
        case (
            notices.SessionChanged()
            | notices.SpeechStarted()
            | notices.SpeechStopped()
            | notices.UserTranscriptDelta()
            | notices.UserTranscript()
            | notices.UserTranscriptFailed()
            | notices.TextDelta()
            | notices.AudioDelta()
            | notices.AudioDone()
            | notices.Interrupted()
            | notices.ItemAdded()
            | notices.ItemDone()
            | notices.ItemDeleted()
            | notices.ResponseStarted()
            | notices.ResponseFinished()
            | notices.RequestEnded()
            | notices.CallsAnswered()
            | notices.AudioNotCommitted()
            | notices.SessionUpdateEnded()
            | notices.RunTool()
            | notices.StopTool()
            | notices.UsageChanged()
            | notices.ErrorReported()
            | notices.Unreadable()
            | notices.RecordingStopped()
            | notices.ConnectionLost()
            | notices.SessionRestored()
            | tables.IllegalTransition()
        ):
            return type(notice).__name__
        case _:
            assert_never(notice)


def every_live_notice(notice: notices.LiveNotice) -> str:
    match notice:
        case (
            notices.SessionStarted()
            | notices.SessionUpdated()
            | notices.SessionEnded()
            | notices.LiveAudioPiece()
            | notices.InputAudioCopy()
            | notices.TranscriptDelta()
            | notices.UtteranceEnded()
            | notices.DelegationStarted()
            | notices.RunFunction()
            | notices.StopFunction()
            | notices.ResponsesEvent()
            | notices.DecisionMade()
            | notices.FixtureEnded()
            | notices.LiveUsage()
            | notices.CommandEnded()
            | notices.LiveErrorReported()
            | notices.TimeStalled()
            | notices.LiveUnreadable()
            | tables.IllegalTransition()
        ):
            return type(notice).__name__
        case _:
            assert_never(notice)


async def a_live_session(url: str) -> None:
    async with duologue.live(url, model="m", on_delegation=delegate_of_live) as session:
        assert_type(session, duologue.Live)
        assert_type(session.session, live_events.LiveSession | None)
        assert_type(await session.append_commentary("x"), str)
        assert_type(await session.answered("x"), live_events.LiveServerEvent)
        assert_type(await session.close(), notices.SessionEnded)
        async for notice in session:
            every_live_notice(notice)
        async for utterance in session.utterances():
            assert_type(utterance, notices.Utterance)
        async with session.stream(notices.TimeStalled, notices.LiveUsage) as stream:
            assert_type(await stream.receive(), notices.TimeStalled | notices.LiveUsage)
        assert_type(session.on(notices.TimeStalled, print), Callable[[], None])
        async with session.fork() as fork, session.sideband() as sideband:
            assert_type(fork, duologue.Live)
            assert_type(sideband, duologue.LiveSideband)
        session.on(notices.TimeStalled)(every_live_notice)


async def delegate_of_live(delegation: duologue.Delegation) -> str:
    return await delegation.say("x")


def a_live_session_of_threads(url: str) -> None:
    with blocking.live(url, model="m", on_delegation=delegate_of_threads) as session:
        assert_type(session, blocking.BlockingLive)
        assert_type(session.append_commentary("x", timeout=1), str)
        for notice in session:
            every_live_notice(notice)
        with session.stream(notices.TimeStalled, timeout=1) as stream:
            assert_type(next(stream), notices.TimeStalled)
        with session.fork() as fork, session.sideband() as sideband:
            assert_type(fork, blocking.BlockingLive)
            assert_type(sideband, blocking.BlockingLiveSideband)


def delegate_of_threads(delegation: blocking.BlockingDelegation) -> str:
    return delegation.say("x", timeout=1)


def every_command(command: commands.Command) -> str:
    match command:
        case (
            commands.Detect()
            | commands.TranscribePartial()
            | commands.TranscribeAhead()
            | commands.DiscardAhead()
            | commands.Transcribe()
            | commands.Respond()
            | commands.ListMcpTools()
            | commands.StopResponse()
            | commands.Close()
            | commands.ToleratedFault()
            | tables.IllegalTransition()
        ):
            return type(command).__name__
        case _:
            assert_never(command)


def every_turn_event(event: turns.TurnEvent) -> str:
    match event:
        case turns.TurnStarted() | turns.TurnPaused() | turns.TurnResumed() | turns.TurnEnded():
            return type(event).__name__
        case _:
            assert_never(event)
