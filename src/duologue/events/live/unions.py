"""What can be on the wire of a Live connection, as unions to match on and to exhaust."""

from __future__ import annotations

from typing import TypeAlias

from duologue.events.live.base import UnknownLiveEvent
from duologue.events.live.client import (
    LiveCommentaryAppendEvent,
    LiveDecisionCreateEvent,
    LiveDecisionItemCreateEvent,
    LiveDecisionItemDeleteEvent,
    LiveInputAudioAppendEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveInstructionsAppendEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveResponseCreateEvent,
    LiveResponseItemCreateEvent,
    LiveSessionCloseEvent,
    LiveSessionStartEvent,
    LiveSessionUpdateEvent,
    LiveThinkingAppendEvent,
    LiveTransportDtmfSendEvent,
)
from duologue.events.live.server import (
    LiveCommentaryAppendedEvent,
    LiveDecisionEvent,
    LiveDecisionItemCreatedEvent,
    LiveDecisionItemDeletedEvent,
    LiveDelegationCreatedEvent,
    LiveErrorEvent,
    LiveInfoEvent,
    LiveInputAudioMutedEvent,
    LiveInputAudioUnmutedEvent,
    LiveInputTranscriptDeltaEvent,
    LiveInstructionsAppendedEvent,
    LiveOutputAudioDeltaEvent,
    LiveOutputAudioFixturePlayedEvent,
    LiveOutputAudioFixturePlayingEvent,
    LiveOutputTranscriptDeltaEvent,
    LiveResponseEvent,
    LiveSessionClosedEvent,
    LiveSessionPausedEvent,
    LiveSessionResumedEvent,
    LiveSessionStartedEvent,
    LiveSessionUpdatedEvent,
    LiveSessionUsageUpdatedEvent,
    LiveThinkingAppendedEvent,
    LiveTransportAnsweredEvent,
    LiveTransportDtmfReceivedEvent,
    LiveTransportDtmfSentEvent,
    LiveTransportFailedEvent,
    LiveTransportRingingEvent,
)

__all__ = ["AnyLiveClientEvent", "AnyLiveEvent", "AnyLiveServerEvent"]

AnyLiveClientEvent: TypeAlias = (
    LiveCommentaryAppendEvent
    | LiveDecisionCreateEvent
    | LiveDecisionItemCreateEvent
    | LiveDecisionItemDeleteEvent
    | LiveInputAudioAppendEvent
    | LiveInputAudioMuteEvent
    | LiveInputAudioUnmuteEvent
    | LiveInstructionsAppendEvent
    | LiveOutputAudioFixturePlayEvent
    | LiveResponseCreateEvent
    | LiveResponseItemCreateEvent
    | LiveSessionCloseEvent
    | LiveSessionStartEvent
    | LiveSessionUpdateEvent
    | LiveThinkingAppendEvent
    | LiveTransportDtmfSendEvent
)
"""Everything that a client sends."""

AnyLiveServerEvent: TypeAlias = (
    LiveCommentaryAppendedEvent
    | LiveDecisionEvent
    | LiveDecisionItemCreatedEvent
    | LiveDecisionItemDeletedEvent
    | LiveDelegationCreatedEvent
    | LiveErrorEvent
    | LiveInfoEvent
    | LiveInputAudioAppendEvent
    | LiveInputAudioMutedEvent
    | LiveInputAudioUnmutedEvent
    | LiveInputTranscriptDeltaEvent
    | LiveInstructionsAppendedEvent
    | LiveOutputAudioDeltaEvent
    | LiveOutputAudioFixturePlayedEvent
    | LiveOutputAudioFixturePlayingEvent
    | LiveOutputTranscriptDeltaEvent
    | LiveResponseEvent
    | LiveSessionClosedEvent
    | LiveSessionPausedEvent
    | LiveSessionResumedEvent
    | LiveSessionStartedEvent
    | LiveSessionUpdatedEvent
    | LiveSessionUsageUpdatedEvent
    | LiveThinkingAppendedEvent
    | LiveTransportAnsweredEvent
    | LiveTransportDtmfReceivedEvent
    | LiveTransportDtmfSendEvent
    | LiveTransportDtmfSentEvent
    | LiveTransportFailedEvent
    | LiveTransportRingingEvent
)
"""Everything that a server sends. Two wire names go both ways, and have one class each."""

AnyLiveEvent: TypeAlias = AnyLiveClientEvent | AnyLiveServerEvent | UnknownLiveEvent
"""Everything that decoding can yield."""
