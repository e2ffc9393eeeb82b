"""The settings of a session that only Azure Voice Live has, typed; in a session they stand in `extra`.

    config = RealtimeSessionConfig(extra=VoiceLiveSettings(reasoning_effort="low").as_extra())
    settings = VoiceLiveSettings.of(connection.session)

Defined as Azure's own package defines them, `azure-ai-voicelive` 1.3. Fields that are newer than that stay in the
session's `extra`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from duologue.events.base import UNSET, Extra, Maybe, Number, UnknownVariant, WireObject
from duologue.events.session import AnySession

__all__ = [
    "VoiceLiveAgent",
    "VoiceLiveAnimation",
    "VoiceLiveAvatar",
    "VoiceLiveBackground",
    "VoiceLiveEchoCancellation",
    "VoiceLiveIceServer",
    "VoiceLiveInterimResponse",
    "VoiceLiveResolution",
    "VoiceLiveScene",
    "VoiceLiveSettings",
    "VoiceLiveVideo",
    "VoiceLiveVideoCrop",
]


class _Settings(WireObject, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A view of settings: what it does not know is left where it stands."""


class VoiceLiveAnimation(_Settings, frozen=True, kw_only=True):
    """What of a face is animated."""

    model_name: Maybe[str] = UNSET
    outputs: Maybe[list[str]] = UNSET
    """ "blendshapes", "viseme_id"."""


class VoiceLiveEchoCancellation(_Settings, frozen=True, kw_only=True):
    """How the server removes the model's own speech from the input."""

    type: str
    """ "server_echo_cancellation"."""
    reference_source: Maybe[str] = UNSET
    """Whose copy of the speech is removed: "server" or "client"."""
    channels: Maybe[int] = UNSET


class VoiceLiveIceServer(_Settings, frozen=True, kw_only=True):
    """A server through which the avatar's video finds its way."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"credential"})

    urls: list[str]
    username: Maybe[str] = UNSET
    credential: Maybe[str] = UNSET


class VoiceLiveVideoCrop(_Settings, frozen=True, kw_only=True):
    """A part of the picture, in pixels from its top left corner: x, then y."""

    top_left: list[int]
    bottom_right: list[int]


class VoiceLiveResolution(_Settings, frozen=True, kw_only=True):
    """The size of the picture, in pixels."""

    width: int
    height: int


class VoiceLiveBackground(_Settings, frozen=True, kw_only=True):
    """What is behind the avatar: a colour, or a picture."""

    color: Maybe[str] = UNSET
    image_url: Maybe[str] = UNSET


class VoiceLiveVideo(_Settings, frozen=True, kw_only=True):
    """How the avatar's video is encoded and cut."""

    bitrate: Maybe[int] = UNSET
    """Bits a second."""
    codec: Maybe[str] = UNSET
    """ "h264"."""
    crop: Maybe[VoiceLiveVideoCrop] = UNSET
    resolution: Maybe[VoiceLiveResolution] = UNSET
    background: Maybe[VoiceLiveBackground] = UNSET
    gop_size: Maybe[int] = UNSET
    """Pictures from one whole one to the next."""


class VoiceLiveScene(_Settings, frozen=True, kw_only=True):
    """Where the avatar of a photo stands, how it is turned, and how much it moves."""

    zoom: Maybe[Number] = UNSET
    position_x: Maybe[Number] = UNSET
    position_y: Maybe[Number] = UNSET
    rotation_x: Maybe[Number] = UNSET
    rotation_y: Maybe[Number] = UNSET
    rotation_z: Maybe[Number] = UNSET
    amplitude: Maybe[Number] = UNSET


class VoiceLiveAvatar(_Settings, frozen=True, kw_only=True):
    """The figure that speaks."""

    character: str
    customized: bool
    avatar_type: Maybe[str] = UNSET
    """ "video-avatar" or "photo-avatar"."""
    style: Maybe[str] = UNSET
    model: Maybe[str] = UNSET
    ice_servers: Maybe[list[VoiceLiveIceServer]] = UNSET
    video: Maybe[VoiceLiveVideo] = UNSET
    scene: Maybe[VoiceLiveScene] = UNSET
    output_protocol: Maybe[str] = UNSET
    """ "webrtc", or "websocket" for `response.video.delta`."""
    output_audit_audio: Maybe[bool] = UNSET


class VoiceLiveInterimResponse(_Settings, frozen=True, kw_only=True):
    """What is said while an answer takes long: one of some texts, or what a small model makes up."""

    type: str
    """ "static_interim_response" or "llm_interim_response"."""
    triggers: Maybe[list[str]] = UNSET
    """ "latency", "tool"."""
    latency_threshold_ms: Maybe[int] = UNSET
    texts: Maybe[list[str]] = UNSET
    model: Maybe[str] = UNSET
    instructions: Maybe[str] = UNSET
    max_completion_tokens: Maybe[int] = UNSET


class VoiceLiveAgent(_Settings, frozen=True, kw_only=True):
    """The agent that a session belongs to; only the server tells it."""

    name: str
    agent_id: str
    thread_id: str
    description: Maybe[str] = UNSET


class VoiceLiveSettings(_Settings, frozen=True, kw_only=True):
    """The settings of one session that only Voice Live has."""

    animation: Maybe[VoiceLiveAnimation] = UNSET
    avatar: Maybe[VoiceLiveAvatar] = UNSET
    input_audio_echo_cancellation: Maybe[VoiceLiveEchoCancellation] = UNSET
    output_audio_timestamp_types: Maybe[list[str]] = UNSET
    """ "word"."""
    reasoning_effort: Maybe[str] = UNSET
    interim_response: Maybe[VoiceLiveInterimResponse] = UNSET
    agent: Maybe[VoiceLiveAgent] = UNSET
    metadata: Maybe[dict[str, str]] = UNSET

    @staticmethod
    def of(session: AnySession | None) -> VoiceLiveSettings:
        """The settings of a session that was read in the dialect `azure-voice-live`; none of a session of another one.

        Raises:
            ValueError: one of them is not of its type.
        """
        if session is None or isinstance(session, UnknownVariant):
            return VoiceLiveSettings()
        return msgspec.convert(dict(session.extra), VoiceLiveSettings)

    def as_extra(self) -> Extra:
        """The settings as the `extra` of a session's configuration."""
        fields: dict[str, object] = msgspec.to_builtins(self)
        return Extra(fields)
