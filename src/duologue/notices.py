"""What a conversation, a Live session or a translation reports: classes that `stream` and `on` take, besides events.

`Notice` is the union of a conversation's, `LiveNotice` that of a Live session's, `TranslationNotice` that of a
translation's.
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
    RecordingStopped,
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
    from duologue.protocol.translation.client.notices import (
        SourceText,
        TranslatedAudio,
        TranslatedText,
        TranslationEnded,
        TranslationErrorReported,
        TranslationLine,
        TranslationNotice,
        TranslationSessionChanged,
        TranslationUnreadable,
        TranslationUpdateEnded,
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
    "RecordingStopped",
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
    "SourceText",
    "SpeechStarted",
    "SpeechStopped",
    "StopFunction",
    "StopTool",
    "TextDelta",
    "TimeStalled",
    "TranscriptDelta",
    "TranslatedAudio",
    "TranslatedText",
    "TranslationEnded",
    "TranslationErrorReported",
    "TranslationLine",
    "TranslationNotice",
    "TranslationSessionChanged",
    "TranslationUnreadable",
    "TranslationUpdateEnded",
    "Unreadable",
    "UsageChanged",
    "UserTranscript",
    "UserTranscriptDelta",
    "UserTranscriptFailed",
    "Utterance",
    "UtteranceEnded",
]

_LIVE: Final = "duologue.protocol.live.client.notices"
_TRANSLATION: Final = "duologue.protocol.translation.client.notices"
"""Imported at the first use of a name of it: the classes take time to define."""


if not TYPE_CHECKING:  # for a checker every name would exist

    def __getattr__(name: str) -> Any:
        if name in __all__:
            is_translation = name.startswith("Translat") or name == "SourceText"
            return getattr(import_module(_TRANSLATION if is_translation else _LIVE), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
