"""The session's configuration: its defaults, and updates that change what they name or nothing at all."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from duologue.audio.formats import Encoding
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    AudioTranscription,
    CustomVoice,
    PcmAudioFormat,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseAudioOutput,
    SemanticVad,
    ServerVad,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
    UnknownAudioFormat,
    UnknownVariant,
    WireObject,
    is_set,
)
from duologue.protocol.checks import HOSTED_RATES_HZ, check_ranges
from duologue.protocol.refusals import Refusal
from duologue.protocol.turns import TurnSettings

__all__ = ["Session", "SessionDefaults", "encoding_of", "token_limit", "voice_name"]


class SessionDefaults(Struct, frozen=True, kw_only=True):
    """What a new session starts with."""

    model: str = "duologue"
    voice: str = "alloy"
    instructions: str = ""
    silence_duration_ms: int = 500
    duration_s: int = 3600
    """The hosted service ends a session after 60 minutes."""
    input_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    output_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    """Rates of PCM that the session takes and speaks; it starts with the first."""


_MERGED: Final = (AudioConfig, AudioInputConfig, AudioOutputConfig)
"""Objects of which an update changes single fields; all others it replaces."""

_NULLABLE: Final = frozenset({"noise_reduction", "transcription", "turn_detection", "tracing", "prompt", "include"})
"""Fields that null switches off. In others null changes nothing."""

_FILLED_IN: Final[dict[type, dict[str, Any]]] = {
    ServerVad: {
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    SemanticVad: {"eagerness": "auto", "create_response": True, "interrupt_response": True},
    AudioTranscription: {"language": None, "prompt": None},
    PcmAudioFormat: {"rate": 24_000},
}
"""Defaults of objects that an update replaces, as the hosted service echoes them."""


class Session:
    """One session's configuration in full."""

    def __init__(self, session_id: str, defaults: SessionDefaults, *, expires_at: int) -> None:
        self.input_rates_hz, self.output_rates_hz = defaults.input_rates_hz, defaults.output_rates_hz
        self.wire = RealtimeSession(
            id=session_id,
            object="realtime.session",
            model=defaults.model,
            output_modalities=["audio"],
            instructions=defaults.instructions,
            tools=[],
            tool_choice="auto",
            max_output_tokens="inf",
            tracing=None,
            truncation="auto",
            prompt=None,
            expires_at=expires_at,
            audio=AudioConfig(
                input=AudioInputConfig(
                    format=PcmAudioFormat(rate=defaults.input_rates_hz[0]),
                    transcription=None,
                    noise_reduction=None,
                    turn_detection=_fill_in(ServerVad(silence_duration_ms=defaults.silence_duration_ms)),
                ),
                output=AudioOutputConfig(
                    format=PcmAudioFormat(rate=defaults.output_rates_hz[0]), voice=defaults.voice, speed=1.0
                ),
            ),
            include=None,
        )

    @property
    def input(self) -> AudioInputConfig:
        """Settings of the input audio; always present."""
        audio = self.wire.audio
        assert isinstance(audio, AudioConfig)
        assert isinstance(audio.input, AudioInputConfig)
        return audio.input

    @property
    def output(self) -> AudioOutputConfig:
        """Settings of the output audio; always present."""
        audio = self.wire.audio
        assert isinstance(audio, AudioConfig)
        assert isinstance(audio.output, AudioOutputConfig)
        return audio.output

    @property
    def turn_settings(self) -> TurnSettings | None:
        """How turns are detected; None when the client makes them by hand."""
        wire = self.input.turn_detection
        return TurnSettings.of(wire) if isinstance(wire, ServerVad | SemanticVad) else None

    @property
    def transcription(self) -> AudioTranscription | None:
        """How input is transcribed for the client; None when it did not ask for that."""
        wire = self.input.transcription
        return wire if isinstance(wire, AudioTranscription) else None

    def update(self, event: SessionUpdateEvent, *, voice_in_use: bool) -> None:
        """Take an update. Raises Refusal; nothing has changed then."""
        config = event.session
        if isinstance(config, TranscriptionSessionConfig):
            raise Refusal("other_session_kind", param="session.type", kind="transcription")
        if isinstance(config, UnknownVariant):
            if config.type is None:
                raise Refusal("missing", param="session.type")
            raise Refusal("not_supported", param="session.type", value=config.type)
        check_ranges(config, "session", input_rates_hz=self.input_rates_hz, output_rates_hz=self.output_rates_hz)
        updated = _merge(self.wire, config)
        assert isinstance(updated, RealtimeSession)
        if is_set(config.model) and config.model != self.wire.model:
            # The hosted service never changes a model; clients repeat the name they connected with, or another.
            updated = msgspec.structs.replace(updated, model=self.wire.model)
        self._check_voice(updated, voice_in_use)
        self.wire = updated

    def _check_voice(self, updated: RealtimeSession, voice_in_use: bool) -> None:
        assert isinstance(updated.audio, AudioConfig)
        assert isinstance(updated.audio.output, AudioOutputConfig)
        if voice_in_use and updated.audio.output.voice != self.output.voice:
            raise Refusal("voice_in_use", param="session.audio.output.voice")


def encoding_of(output: AudioInputConfig | AudioOutputConfig | ResponseAudioOutput) -> Encoding:
    """The encoding that a checked `format` object names."""
    match output.format:
        case None | UnknownAudioFormat():
            return Encoding.of("audio/pcm")
        case PcmAudioFormat(rate=int() as rate):
            return Encoding.of("audio/pcm", rate)
        case msgspec.UNSET:
            return Encoding.of("audio/pcm")
        case known:
            return Encoding.of(known.type)


def voice_name(voice: object) -> str:
    """The name by which an engine knows a voice."""
    match voice:
        case str():
            return voice
        case CustomVoice(id=str() as identifier):
            return identifier
        case _:
            return ""


def token_limit(limit: object) -> int | None:
    """`max_output_tokens` as a number; None for no limit."""
    return limit if isinstance(limit, int) else None


def _merge(old: WireObject, change: WireObject | RealtimeSessionConfig) -> WireObject:
    fields: dict[str, Any] = {}
    for name in change.__struct_fields__:
        value = getattr(change, name)
        if name == "extra" or value is UNSET or (value is None and name not in _NULLABLE):
            continue
        before = getattr(old, name)
        if isinstance(before, _MERGED) and isinstance(value, _MERGED):
            fields[name] = _merge(before, value)
        else:
            fields[name] = _fill_in(value)
    return msgspec.structs.replace(old, **fields)


def _fill_in(value: Any) -> Any:
    defaults = _FILLED_IN.get(type(value), {})
    return (
        msgspec.structs.replace(
            value, **{name: default for name, default in defaults.items() if getattr(value, name) is UNSET}
        )
        if defaults
        else value
    )
