"""Every event of the realtime family, every object inside them, and the two unions to match on."""

from __future__ import annotations

from typing import TypeAlias

from duologue.events.audio import (
    AudioConfig,
    AudioFormat,
    AudioInputConfig,
    AudioOutputConfig,
    AudioTranscription,
    CustomVoice,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferDtmfEventReceivedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioBufferTimeoutTriggeredEvent,
    NoiseReduction,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferClearEvent,
    OutputAudioBufferStartedEvent,
    OutputAudioBufferStoppedEvent,
    PcmaAudioFormat,
    PcmAudioFormat,
    PcmuAudioFormat,
    SemanticVad,
    ServerVad,
    TurnDetection,
    UnknownAudioFormat,
    UnknownTurnDetection,
    Voice,
)
from duologue.events.base import (
    UNSET,
    ClientEvent,
    Extra,
    RealtimeEvent,
    ServerEvent,
    UnknownRealtimeEvent,
    UnknownVariant,
    UnsetType,
    Variant,
    WireObject,
    is_set,
)
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
    LogProb,
    RealtimeConversation,
    TranscriptionDurationUsage,
    TranscriptionError,
    TranscriptionLanguage,
    TranscriptionTokenUsage,
    TranscriptionTokenUsageInputDetails,
    TranscriptionUsage,
    UnknownTranscriptionUsage,
)
from duologue.events.error import (
    ErrorEvent,
    RealtimeError,
)
from duologue.events.items import (
    AudioPart,
    ContentPart,
    ConversationItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputImagePart,
    InputTextPart,
    ItemReference,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallError,
    McpCallItem,
    McpHttpError,
    McpListToolsItem,
    McpProtocolError,
    McpToolExecutionError,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    TextPart,
    UnknownItem,
    UnknownMcpCallError,
    UnknownPart,
)
from duologue.events.response import (
    CachedTokensDetails,
    InputItem,
    Metadata,
    RateLimit,
    RateLimitsUpdatedEvent,
    RealtimeResponse,
    ResponseAudio,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioOutput,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseCancelEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseCreateParams,
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
    ResponseStatusDetails,
    ResponseStatusError,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
    ResponseUsageInputTokenDetails,
    ResponseUsageOutputTokenDetails,
)
from duologue.events.session import (
    AnySession,
    AnySessionConfig,
    BetaClientSecret,
    BetaTranscriptionSession,
    BetaTurnDetection,
    ClientSecretExpiresAfter,
    Prompt,
    RealtimeSession,
    RealtimeSessionConfig,
    Reasoning,
    RetentionRatioTruncation,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    Tracing,
    TracingConfig,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    TranscriptionSessionCreatedEvent,
    TranscriptionSessionUpdatedEvent,
    TranscriptionSessionUpdateEvent,
    Truncation,
    TruncationTokenLimits,
    UnknownSession,
    UnknownTruncation,
)
from duologue.events.tools import (
    FunctionTool,
    McpAllowedTools,
    McpApprovalFilter,
    McpListToolsCompletedEvent,
    McpListToolsFailedEvent,
    McpListToolsInProgressEvent,
    McpRequireApproval,
    McpServerTool,
    McpTool,
    McpToolFilter,
    Tool,
    ToolChoice,
    ToolChoiceFunction,
    ToolChoiceMcp,
    UnknownTool,
    UnknownToolChoice,
)
from duologue.events.values import (
    ApprovalPolicy,
    Eagerness,
    ImageDetail,
    Include,
    ItemStatus,
    Modality,
    NoiseReductionType,
    RateLimitName,
    RealtimeModel,
    ReasoningEffort,
    ResponseStatus,
    ResponseStatusReason,
    Role,
    ToolChoiceMode,
    TranscriptionDelay,
    TranscriptionModel,
    TruncationMode,
    VoiceName,
)

__all__ = [
    "UNSET",
    "AnyClientEvent",
    "AnyEvent",
    "AnyServerEvent",
    "AnySession",
    "AnySessionConfig",
    "ApprovalPolicy",
    "AudioConfig",
    "AudioFormat",
    "AudioInputConfig",
    "AudioOutputConfig",
    "AudioPart",
    "AudioTranscription",
    "BetaClientSecret",
    "BetaTranscriptionSession",
    "BetaTurnDetection",
    "CachedTokensDetails",
    "ClientEvent",
    "ClientSecretExpiresAfter",
    "ContentPart",
    "ConversationCreatedEvent",
    "ConversationItem",
    "ConversationItemAddedEvent",
    "ConversationItemCreateEvent",
    "ConversationItemCreatedEvent",
    "ConversationItemDeleteEvent",
    "ConversationItemDeletedEvent",
    "ConversationItemDoneEvent",
    "ConversationItemRetrieveEvent",
    "ConversationItemRetrievedEvent",
    "ConversationItemTruncateEvent",
    "ConversationItemTruncatedEvent",
    "CustomVoice",
    "Eagerness",
    "ErrorEvent",
    "Extra",
    "FunctionCallItem",
    "FunctionCallOutputItem",
    "FunctionTool",
    "ImageDetail",
    "Include",
    "InputAudioBufferAppendEvent",
    "InputAudioBufferClearEvent",
    "InputAudioBufferClearedEvent",
    "InputAudioBufferCommitEvent",
    "InputAudioBufferCommittedEvent",
    "InputAudioBufferDtmfEventReceivedEvent",
    "InputAudioBufferSpeechStartedEvent",
    "InputAudioBufferSpeechStoppedEvent",
    "InputAudioBufferTimeoutTriggeredEvent",
    "InputAudioPart",
    "InputAudioTranscriptionCompletedEvent",
    "InputAudioTranscriptionDeltaEvent",
    "InputAudioTranscriptionFailedEvent",
    "InputAudioTranscriptionSegmentEvent",
    "InputImagePart",
    "InputItem",
    "InputTextPart",
    "ItemReference",
    "ItemStatus",
    "LogProb",
    "McpAllowedTools",
    "McpApprovalFilter",
    "McpApprovalRequestItem",
    "McpApprovalResponseItem",
    "McpCallError",
    "McpCallItem",
    "McpHttpError",
    "McpListToolsCompletedEvent",
    "McpListToolsFailedEvent",
    "McpListToolsInProgressEvent",
    "McpListToolsItem",
    "McpProtocolError",
    "McpRequireApproval",
    "McpServerTool",
    "McpTool",
    "McpToolExecutionError",
    "McpToolFilter",
    "MessageItem",
    "Metadata",
    "Modality",
    "NoiseReduction",
    "NoiseReductionType",
    "OutputAudioBufferClearEvent",
    "OutputAudioBufferClearedEvent",
    "OutputAudioBufferStartedEvent",
    "OutputAudioBufferStoppedEvent",
    "OutputAudioPart",
    "OutputTextPart",
    "PcmAudioFormat",
    "PcmaAudioFormat",
    "PcmuAudioFormat",
    "Prompt",
    "RateLimit",
    "RateLimitName",
    "RateLimitsUpdatedEvent",
    "RealtimeConversation",
    "RealtimeError",
    "RealtimeEvent",
    "RealtimeModel",
    "RealtimeResponse",
    "RealtimeSession",
    "RealtimeSessionConfig",
    "Reasoning",
    "ReasoningEffort",
    "ResponseAudio",
    "ResponseAudioDeltaEvent",
    "ResponseAudioDoneEvent",
    "ResponseAudioOutput",
    "ResponseAudioTranscriptDeltaEvent",
    "ResponseAudioTranscriptDoneEvent",
    "ResponseCancelEvent",
    "ResponseContentPartAddedEvent",
    "ResponseContentPartDoneEvent",
    "ResponseCreateEvent",
    "ResponseCreateParams",
    "ResponseCreatedEvent",
    "ResponseDoneEvent",
    "ResponseFunctionCallArgumentsDeltaEvent",
    "ResponseFunctionCallArgumentsDoneEvent",
    "ResponseMcpCallArgumentsDeltaEvent",
    "ResponseMcpCallArgumentsDoneEvent",
    "ResponseMcpCallCompletedEvent",
    "ResponseMcpCallFailedEvent",
    "ResponseMcpCallInProgressEvent",
    "ResponseOutputItemAddedEvent",
    "ResponseOutputItemDoneEvent",
    "ResponseStatus",
    "ResponseStatusDetails",
    "ResponseStatusError",
    "ResponseStatusReason",
    "ResponseTextDeltaEvent",
    "ResponseTextDoneEvent",
    "ResponseUsage",
    "ResponseUsageInputTokenDetails",
    "ResponseUsageOutputTokenDetails",
    "RetentionRatioTruncation",
    "Role",
    "SemanticVad",
    "ServerEvent",
    "ServerVad",
    "SessionCreatedEvent",
    "SessionUpdateEvent",
    "SessionUpdatedEvent",
    "TextPart",
    "Tool",
    "ToolChoice",
    "ToolChoiceFunction",
    "ToolChoiceMcp",
    "ToolChoiceMode",
    "Tracing",
    "TracingConfig",
    "TranscriptionDelay",
    "TranscriptionDurationUsage",
    "TranscriptionError",
    "TranscriptionLanguage",
    "TranscriptionModel",
    "TranscriptionSession",
    "TranscriptionSessionAudio",
    "TranscriptionSessionAudioInput",
    "TranscriptionSessionConfig",
    "TranscriptionSessionCreatedEvent",
    "TranscriptionSessionUpdateEvent",
    "TranscriptionSessionUpdatedEvent",
    "TranscriptionTokenUsage",
    "TranscriptionTokenUsageInputDetails",
    "TranscriptionUsage",
    "Truncation",
    "TruncationMode",
    "TruncationTokenLimits",
    "TurnDetection",
    "UnknownAudioFormat",
    "UnknownItem",
    "UnknownMcpCallError",
    "UnknownPart",
    "UnknownRealtimeEvent",
    "UnknownSession",
    "UnknownTool",
    "UnknownToolChoice",
    "UnknownTranscriptionUsage",
    "UnknownTruncation",
    "UnknownTurnDetection",
    "UnknownVariant",
    "UnsetType",
    "Variant",
    "Voice",
    "VoiceName",
    "WireObject",
    "is_set",
]

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

AnyEvent: TypeAlias = AnyClientEvent | AnyServerEvent | UnknownRealtimeEvent
"""Everything that decoding can yield."""
