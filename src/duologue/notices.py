"""What a conversation, or a Live session, reports: classes that `stream` and `on` take, besides those of events.

`Notice` is the union of a conversation's, `LiveNotice` that of a Live session's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from duologue.protocol.client.notices import (
    AudioDelta,
    AudioDone,
    AudioNotCommitted,
    CallsAnswered,
    ConnectionLost,
    ErrorReported,
    IllegalTransition,
    Interrupted,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    Notice,
    RequestEnded,
    ResponseFinished,
    ResponseStarted,
    RunTool,
    SessionChanged,
    SessionUpdateEnded,
    SpeechStarted,
    SpeechStopped,
    StopTool,
    TextDelta,
    Unreadable,
    UsageChanged,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptFailed,
)
from duologue.protocol.client.recovery.session_replay import SessionRestored

if TYPE_CHECKING:
    from duologue.protocol.live.client.notices import (
        CommandEnded,
        DecisionMade,
        DelegationStarted,
        FixtureEnded,
        InputAudioCopy,
        LiveAudioPiece,
        LiveErrorReported,
        LiveNotice,
        LiveUnreadable,
        LiveUsage,
        ResponsesEvent,
        RunFunction,
        SessionEnded,
        SessionStarted,
        SessionUpdated,
        StopFunction,
        TimeStalled,
        TranscriptDelta,
        Utterance,
        UtteranceEnded,
    )

__all__ = [
    "AudioDelta",
    "AudioDone",
    "AudioNotCommitted",
    "CallsAnswered",
    "CommandEnded",
    "ConnectionLost",
    "DecisionMade",
    "DelegationStarted",
    "ErrorReported",
    "FixtureEnded",
    "IllegalTransition",
    "InputAudioCopy",
    "Interrupted",
    "ItemAdded",
    "ItemDeleted",
    "ItemDone",
    "LiveAudioPiece",
    "LiveErrorReported",
    "LiveNotice",
    "LiveUnreadable",
    "LiveUsage",
    "Notice",
    "RequestEnded",
    "ResponseFinished",
    "ResponseStarted",
    "ResponsesEvent",
    "RunFunction",
    "RunTool",
    "SessionChanged",
    "SessionEnded",
    "SessionRestored",
    "SessionStarted",
    "SessionUpdateEnded",
    "SessionUpdated",
    "SpeechStarted",
    "SpeechStopped",
    "StopFunction",
    "StopTool",
    "TextDelta",
    "TimeStalled",
    "TranscriptDelta",
    "Unreadable",
    "UsageChanged",
    "UserTranscript",
    "UserTranscriptDelta",
    "UserTranscriptFailed",
    "Utterance",
    "UtteranceEnded",
]

_LIVE: Final = "duologue.protocol.live.client.notices"
"""Imported at the first use of a name of it: the classes of Live take time to define."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_LIVE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
