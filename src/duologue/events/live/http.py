"""Bodies of the HTTP requests that create, fork and answer Live sessions, and of the webhooks about calls."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from duologue.events.base import UNSET, Id, Maybe, Number, Variant, WireObject
from duologue.events.live.decisions import LiveDecisionTrigger
from duologue.events.live.delegation import LiveDelegation, LiveResponsesDelegation
from duologue.events.live.session import LiveAudioOutput, LiveClientConfig, LiveInitialMessage, LiveModel

__all__ = [
    "LiveAcceptRequest",
    "LiveCreateRequest",
    "LiveCreateResponse",
    "LiveForkRequest",
    "LiveMediaAudio",
    "LiveMediaForkConfig",
    "LiveMediaSessionConfig",
    "LiveReferRequest",
    "LiveRejectRequest",
    "LiveSessionRef",
    "LiveTransportConnectedWebhook",
    "LiveTransportIncomingWebhook",
    "LiveWakePolicy",
    "LiveWebRtcTransport",
]


class LiveWakePolicy(WireObject, frozen=True, kw_only=True):
    """What wakes a paused session: speech, above this probability."""

    type: str
    vad_threshold: Maybe[Number] = UNSET


class LiveMediaAudio(WireObject, frozen=True, kw_only=True):
    """The voice; the format is that of the media connection."""

    output: Maybe[LiveAudioOutput] = UNSET


class LiveMediaSessionConfig(WireObject, frozen=True, kw_only=True):
    """What is asked of a session whose sound runs over WebRTC or SIP."""

    model: LiveModel
    audio: Maybe[LiveMediaAudio] = UNSET
    instructions: Maybe[str] = UNSET
    input: Maybe[list[LiveInitialMessage]] = UNSET
    delegation: Maybe[LiveDelegation] = UNSET
    triggers: Maybe[list[LiveDecisionTrigger]] = UNSET
    client: Maybe[LiveClientConfig] = UNSET
    safety_identifier: Maybe[str] = UNSET
    store: Maybe[bool] = UNSET
    idle_timeout_s: Maybe[int] = UNSET
    """Pause after so many idle seconds (WebRTC)."""
    wake_policy: Maybe[LiveWakePolicy] = UNSET


class LiveMediaForkConfig(WireObject, frozen=True, kw_only=True):
    """What a fork over WebRTC may change; the rest is inherited."""

    client: Maybe[LiveClientConfig] = UNSET
    delegation: Maybe[LiveResponsesDelegation] = UNSET
    store: Maybe[bool] = UNSET


class LiveWebRtcTransport(Variant, frozen=True, kw_only=True, tag="webrtc"):
    """An SDP offer, or the answer to it."""

    type: ClassVar[Literal["webrtc"]] = "webrtc"
    sdp: str


class LiveSessionRef(WireObject, frozen=True, kw_only=True):
    """A session by its id."""

    id: Id


class LiveCreateRequest(WireObject, frozen=True, kw_only=True):
    """Creates a session over WebRTC."""

    session: LiveMediaSessionConfig
    transport: LiveWebRtcTransport


class LiveCreateResponse(WireObject, frozen=True, kw_only=True):
    """The session that was created, with the SDP answer."""

    session: LiveSessionRef
    transport: LiveWebRtcTransport


class LiveForkRequest(WireObject, frozen=True, kw_only=True):
    """Continues a stored session over WebRTC."""

    transport: LiveWebRtcTransport
    session: Maybe[LiveMediaForkConfig] = UNSET


class LiveAcceptRequest(WireObject, frozen=True, kw_only=True):
    """Takes a call (SIP)."""

    session: dict[str, Any]


class LiveRejectRequest(WireObject, frozen=True, kw_only=True):
    """Refuses a call with a status of SIP, 300 to 699."""

    status_code: int


class LiveReferRequest(WireObject, frozen=True, kw_only=True):
    """Hands a call on to another number or address (SIP)."""

    target_uri: str


class LiveTransportIncomingWebhook(WireObject, frozen=True, kw_only=True):
    """A call comes in (SIP)."""

    id: Id
    created_at: int
    type: str
    data: dict[str, Any]
    object: Maybe[str] = UNSET


class LiveTransportConnectedWebhook(WireObject, frozen=True, kw_only=True):
    """A browser is connected (WebRTC)."""

    id: Id
    created_at: int
    type: str
    data: dict[str, Any]
    object: Maybe[str] = UNSET
