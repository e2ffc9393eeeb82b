"""The session of a Live connection: what a client asks for, and what the server says that it is."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from duologue.events.audio import CustomVoice
from duologue.events.base import UNSET, Id, Maybe, Number, UnknownVariant, Variant, WireObject
from duologue.events.live.decisions import LiveDecisionTrigger
from duologue.events.live.delegation import LiveDelegation

__all__ = [
    "LiveAudio",
    "LiveAudioFormat",
    "LiveAudioOutput",
    "LiveBuiltInVoice",
    "LiveClientConfig",
    "LiveContextWindow",
    "LiveDataChannelConfig",
    "LiveInitialMessage",
    "LiveInitialPart",
    "LiveModel",
    "LivePcmAudioFormat",
    "LivePcmaAudioFormat",
    "LivePcmuAudioFormat",
    "LiveServerEventSelector",
    "LiveSession",
    "LiveSessionConfig",
    "LiveSessionUpdate",
    "LiveSessionUsage",
    "LiveVoice",
    "UnknownLiveAudioFormat",
]

LiveModel: TypeAlias = Annotated[str, Meta(examples=["gpt-live-1", "gpt-live-1.1"])]
LiveBuiltInVoice: TypeAlias = Annotated[
    str,
    Meta(
        examples=[
            *("alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo", "gleam"),
            *("marin", "meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone", "tempo", "verse", "vesper"),
            "willow",
        ]
    ),
]
LiveVoice: TypeAlias = LiveBuiltInVoice | CustomVoice

# --- audio ----------------------------------------------------------------------------------------------------------


class LivePcmAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcm"):
    """16-bit little-endian mono samples, 16 or 24 kHz."""

    type: ClassVar[Literal["audio/pcm"]] = "audio/pcm"
    rate: Maybe[int] = UNSET


class LivePcmuAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcmu"):
    """G.711 μ-law, 8 kHz."""

    type: ClassVar[Literal["audio/pcmu"]] = "audio/pcmu"
    rate: Maybe[int] = UNSET


class LivePcmaAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcma"):
    """G.711 A-law, 8 kHz."""

    type: ClassVar[Literal["audio/pcma"]] = "audio/pcma"
    rate: Maybe[int] = UNSET


class UnknownLiveAudioFormat(UnknownVariant, frozen=True, kw_only=True):
    """A format that this version does not know."""


LiveAudioFormat: TypeAlias = LivePcmAudioFormat | LivePcmuAudioFormat | LivePcmaAudioFormat | UnknownLiveAudioFormat


class LiveAudioOutput(WireObject, frozen=True, kw_only=True):
    """The model's voice: a name, or the id of one's own."""

    voice: Maybe[LiveVoice] = UNSET


class LiveAudio(WireObject, frozen=True, kw_only=True):
    """One format for both directions (sockets only; 24 kHz PCM unless it is named), and the voice."""

    format: Maybe[LiveAudioFormat] = UNSET
    output: Maybe[LiveAudioOutput] = UNSET


# --- the rest -------------------------------------------------------------------------------------------------------


class LiveServerEventSelector(WireObject, frozen=True, kw_only=True):
    """Events that a browser may see: by type, and of `response.event` by the type of the event inside."""

    type: str
    response_event: Maybe[str] = UNSET


class LiveDataChannelConfig(WireObject, frozen=True, kw_only=True):
    """What a browser may send and see on its data channel: `all`, or a list."""

    allowed_client_events: Maybe[str | list[str]] = UNSET
    allowed_server_events: Maybe[str | list[LiveServerEventSelector]] = UNSET


class LiveClientConfig(WireObject, frozen=True, kw_only=True):
    """Settings for a browser at the other end."""

    data_channel: Maybe[LiveDataChannelConfig] = UNSET


class LiveInitialPart(WireObject, frozen=True, kw_only=True):
    """Text of an earlier message: `input_text` of the user or developer, `text` or `output_text` of the assistant."""

    text: str
    type: Maybe[str] = UNSET


class LiveInitialMessage(WireObject, frozen=True, kw_only=True):
    """A message of the conversation before the session. `role` is developer, user or assistant."""

    role: str
    content: list[LiveInitialPart]
    type: Maybe[str] = UNSET
    id: Maybe[Id] = UNSET
    status: Maybe[str] = UNSET


class LiveSessionConfig(WireObject, frozen=True, kw_only=True):
    """What `session.start` asks for. A fork inherits what is absent, and names no model."""

    model: Maybe[LiveModel] = UNSET
    audio: Maybe[LiveAudio] = UNSET
    instructions: Maybe[str] = UNSET
    input: Maybe[list[LiveInitialMessage]] = UNSET
    """Earlier messages: 128 at most."""
    delegation: Maybe[LiveDelegation] = UNSET
    triggers: Maybe[list[LiveDecisionTrigger]] = UNSET
    client: Maybe[LiveClientConfig] = UNSET
    safety_identifier: Maybe[str] = UNSET
    """Id of the end user."""
    store: Maybe[bool] = UNSET
    """Keep the session, for forks and its recording."""


class LiveSessionUpdate(WireObject, frozen=True, kw_only=True):
    """What may change later. A list of triggers replaces the one before; an empty one switches them off."""

    delegation: Maybe[LiveDelegation] = UNSET
    triggers: Maybe[list[LiveDecisionTrigger]] = UNSET


class LiveSession(WireObject, frozen=True, kw_only=True):
    """The session as the server has it."""

    id: Id
    model: Maybe[LiveModel] = UNSET
    expires_at: Maybe[int] = UNSET
    """Unix seconds."""
    status: Maybe[str] = UNSET
    """`active`, in `session.closed` too."""
    audio: Maybe[LiveAudio] = UNSET
    instructions: Maybe[str] = UNSET
    input: Maybe[list[LiveInitialMessage]] = UNSET
    delegation: Maybe[LiveDelegation] = UNSET
    triggers: Maybe[list[LiveDecisionTrigger]] = UNSET
    client: Maybe[LiveClientConfig] = UNSET
    safety_identifier: Maybe[str] = UNSET
    store: Maybe[bool] = UNSET


class LiveSessionUsage(WireObject, frozen=True, kw_only=True):
    """Seconds since the start of the session. Each report replaces the one before: never add them up."""

    seconds: Number
    active_seconds: Maybe[Number] = UNSET
    paused_seconds: Maybe[Number] = UNSET


class LiveContextWindow(WireObject, frozen=True, kw_only=True):
    """The share of the context that is in use, from 0 to 1; it falls when the context is compacted."""

    usage_ratio: Number
