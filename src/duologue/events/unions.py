"""What can be on the wire of a realtime connection, as unions to match on and to exhaust."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from duologue.events.audio import (
    InputAudioBufferAppendEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferDtmfEventReceivedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioBufferTimeoutTriggeredEvent,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferClearEvent,
    OutputAudioBufferStartedEvent,
    OutputAudioBufferStoppedEvent,
)
from duologue.events.base import UnknownRealtimeEvent
from duologue.events.conversation import (
    ConversationCreatedEvent,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDeleteEvent,
    ConversationItemDoneEvent,
    ConversationItemRetrievedEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent,
    ConversationItemTruncateEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    InputAudioTranscriptionSegmentEvent,
)
from duologue.events.error import ErrorEvent
from duologue.events.response import (
    RateLimitsUpdatedEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseCancelEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseMcpCallArgumentsDeltaEvent,
    ResponseMcpCallArgumentsDoneEvent,
    ResponseMcpCallCompletedEvent,
    ResponseMcpCallFailedEvent,
    ResponseMcpCallInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from duologue.events.session import (
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionCreatedEvent,
    TranscriptionSessionUpdatedEvent,
    TranscriptionSessionUpdateEvent,
)
from duologue.events.tools import McpListToolsCompletedEvent, McpListToolsFailedEvent, McpListToolsInProgressEvent

__all__ = ["AnyClientEvent", "AnyEvent", "AnyServerEvent", "ReceivedEvent"]

AnyClientEvent: TypeAlias = (
    ConversationItemCreateEvent
    | ConversationItemDeleteEvent
    | ConversationItemRetrieveEvent
    | ConversationItemTruncateEvent
    | InputAudioBufferAppendEvent
    | InputAudioBufferClearEvent
    | InputAudioBufferCommitEvent
    | OutputAudioBufferClearEvent
    | ResponseCancelEvent
    | ResponseCreateEvent
    | SessionUpdateEvent
    | TranscriptionSessionUpdateEvent
)
"""Everything that a client sends."""

AnyServerEvent: TypeAlias = (
    ConversationCreatedEvent
    | ConversationItemAddedEvent
    | ConversationItemCreatedEvent
    | ConversationItemDeletedEvent
    | ConversationItemDoneEvent
    | ConversationItemRetrievedEvent
    | ConversationItemTruncatedEvent
    | ErrorEvent
    | InputAudioBufferClearedEvent
    | InputAudioBufferCommittedEvent
    | InputAudioBufferDtmfEventReceivedEvent
    | InputAudioBufferSpeechStartedEvent
    | InputAudioBufferSpeechStoppedEvent
    | InputAudioBufferTimeoutTriggeredEvent
    | InputAudioTranscriptionCompletedEvent
    | InputAudioTranscriptionDeltaEvent
    | InputAudioTranscriptionFailedEvent
    | InputAudioTranscriptionSegmentEvent
    | McpListToolsCompletedEvent
    | McpListToolsFailedEvent
    | McpListToolsInProgressEvent
    | OutputAudioBufferClearedEvent
    | OutputAudioBufferStartedEvent
    | OutputAudioBufferStoppedEvent
    | RateLimitsUpdatedEvent
    | ResponseAudioDeltaEvent
    | ResponseAudioDoneEvent
    | ResponseAudioTranscriptDeltaEvent
    | ResponseAudioTranscriptDoneEvent
    | ResponseContentPartAddedEvent
    | ResponseContentPartDoneEvent
    | ResponseCreatedEvent
    | ResponseDoneEvent
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseMcpCallCompletedEvent
    | ResponseMcpCallFailedEvent
    | ResponseMcpCallInProgressEvent
    | ResponseOutputItemAddedEvent
    | ResponseOutputItemDoneEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
    | SessionCreatedEvent
    | SessionUpdatedEvent
    | TranscriptionSessionCreatedEvent
    | TranscriptionSessionUpdatedEvent
)
"""Everything that a server sends."""

if TYPE_CHECKING:
    # Imported where its dialect is: most programs do without.
    from duologue.events.azure_voice_live import AnyVoiceLiveClientEvent, AnyVoiceLiveServerEvent

    _ReceivedElsewhere: TypeAlias = AnyVoiceLiveServerEvent
    _Elsewhere: TypeAlias = AnyVoiceLiveServerEvent | AnyVoiceLiveClientEvent
else:
    _ReceivedElsewhere = _Elsewhere = UnknownRealtimeEvent

ReceivedEvent: TypeAlias = AnyServerEvent | _ReceivedElsewhere | UnknownRealtimeEvent
"""Everything that a client receives. Comparing `type` with a wire name selects the class."""

AnyEvent: TypeAlias = AnyClientEvent | AnyServerEvent | _Elsewhere | UnknownRealtimeEvent
"""Everything that decoding can yield; for type checkers with the events that one dialect alone has."""
