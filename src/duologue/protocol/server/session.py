"""The session's configuration: its defaults, and updates.

An update changes only the fields that it names, and nothing if it is rejected (rules `session.sparse` and
`session.all_or_nothing`).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET

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
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    UnknownAudioFormat,
    UnknownVariant,
    is_set,
)
from duologue.protocol.config_merge import fill_in, merge
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.defaults import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.tool_definitions import check_functions, check_tool_choice, without_secrets
from duologue.protocol.server.turn_detection import TurnSettings
from duologue.protocol.server.validation import RANGES, rate_limits

__all__ = ["Session", "SessionKind", "encoding_of", "token_limit", "voice_name"]

SessionKind: TypeAlias = Literal["realtime", "transcription"]
"""Set by the connection's request; an update cannot change it (rule `error.other_session_kind`)."""


class Session:
    """One session's configuration in full."""

    def __init__(
        self,
        session_id: str,
        defaults: SessionDefaults,
        *,
        expires_at: int,
        kind: SessionKind = "realtime",
        account: MemoryAccount | None = None,
    ) -> None:
        self.kind: SessionKind = kind
        self.limits: Final = RANGES | rate_limits(defaults.input_rates_hz, defaults.output_rates_hz)
        """Limits of values, by their path inside a session or a response."""
        make = _realtime if kind == "realtime" else _transcription
        self.wire: RealtimeSession | TranscriptionSession = make(session_id, defaults, expires_at)
        self._account = account or MemoryAccount(defaults.max_session_bytes)
        self._max_bytes = defaults.max_configuration_bytes
        self._cost_bytes = 0
        self._turn_detection: object = None
        self._turn_settings: TurnSettings | None = None

    @property
    def realtime(self) -> RealtimeSession:
        """The configuration of a session of kind "realtime"."""
        assert isinstance(self.wire, RealtimeSession), "a transcription session never responds"
        return self.wire

    @property
    def shown(self) -> RealtimeSession | TranscriptionSession:
        """The configuration for the client, without the keys of MCP servers.

        The holder of a client secret, who uses the session, is not the party that configured it.
        """
        if not isinstance(self.wire, RealtimeSession) or not isinstance(self.wire.tools, list):
            return self.wire
        return msgspec.structs.replace(self.wire, tools=[without_secrets(tool) for tool in self.wire.tools])

    @property
    def input(self) -> AudioInputConfig | TranscriptionSessionAudioInput:
        """Settings of the input audio; always present."""
        audio = self.wire.audio
        assert isinstance(audio, AudioConfig | TranscriptionSessionAudio)
        assert isinstance(audio.input, AudioInputConfig | TranscriptionSessionAudioInput)
        return audio.input

    @property
    def output(self) -> AudioOutputConfig:
        """Settings of the output audio; always present where a session responds."""
        audio = self.realtime.audio
        assert isinstance(audio, AudioConfig)
        assert isinstance(audio.output, AudioOutputConfig)
        return audio.output

    def leave_turns_to_client(self) -> None:
        """Detect no turns, unless the client asks for it later."""
        audio = self.wire.audio
        assert isinstance(audio, AudioConfig | TranscriptionSessionAudio)
        heard = msgspec.structs.replace(self.input, turn_detection=None)
        self.wire = msgspec.structs.replace(self.wire, audio=msgspec.structs.replace(audio, input=heard))

    @property
    def turn_settings(self) -> TurnSettings | None:
        """How turns are detected; None when the client commits them itself."""
        wire = self.input.turn_detection
        if wire is not self._turn_detection:  # a cache: each piece of audio asks for it
            self._turn_detection = wire
            self._turn_settings = TurnSettings.of(wire) if isinstance(wire, ServerVad | SemanticVad) else None
        return self._turn_settings

    @property
    def idle_timeout_ms(self) -> int | None:
        """Silence after which the model prompts the user; None for never."""
        wire = self.input.turn_detection
        return wire.idle_timeout_ms if isinstance(wire, ServerVad) and is_set(wire.idle_timeout_ms) else None

    @property
    def transcription(self) -> AudioTranscription | None:
        """How input is transcribed for the client; None if the client does not ask for transcripts."""
        wire = self.input.transcription
        return wire if isinstance(wire, AudioTranscription) else None

    def update(self, event: SessionUpdateEvent, *, voice_in_use: bool = False, responding: bool = False) -> None:
        """Apply an update. Raises InvalidRequest; nothing has changed then.

        `voice_in_use`: the model has spoken. `responding`: a response is in progress.
        """
        config = event.session
        match config, self.wire:
            case RealtimeSessionConfig(), RealtimeSession():
                self._update_realtime(config, self.wire, voice_in_use=voice_in_use, responding=responding)
            case TranscriptionSessionConfig(), TranscriptionSession():
                _check_no_idle_timeout(config)
                updated = merge(self.wire, config)
                self._charge(updated)
                self.wire = updated
            case UnknownVariant(), _:
                if config.type is None:
                    raise InvalidRequest("missing", param="session.type")
                raise InvalidRequest("not_supported", param="session.type", value=config.type)
            case _:
                raise InvalidRequest("other_session_kind", param="session.type", kind=config.type, own=self.kind)

    def switch_turn_detection_off(self) -> None:
        """The client commits its turns from now on."""
        assert isinstance(self.wire, TranscriptionSession), "only models that do nothing else than transcribe need it"
        assert isinstance(self.input, TranscriptionSessionAudioInput)
        own = msgspec.structs.replace(self.input, turn_detection=None)
        self.wire = msgspec.structs.replace(self.wire, audio=TranscriptionSessionAudio(input=own))

    def _update_realtime(
        self, config: RealtimeSessionConfig, before: RealtimeSession, *, voice_in_use: bool, responding: bool
    ) -> None:
        updated = merge(before, config)
        if is_set(config.model) and config.model != before.model:
            # As in the hosted service the model never changes, and no error says so: clients send one with each update.
            updated = msgspec.structs.replace(updated, model=before.model)
        output = updated.audio.output if is_set(updated.audio) else UNSET
        assert is_set(output)
        if voice_in_use and output.voice != self.output.voice:
            raise InvalidRequest("voice_in_use", param="session.audio.output.voice")
        if responding and output.speed != self.output.speed:
            raise InvalidRequest("speed_in_use", param="session.audio.output.speed")
        if before.tracing is not None and updated.tracing != before.tracing:
            raise InvalidRequest("tracing_in_use", param="session.tracing")
        check_functions(updated.tools, "session")
        check_tool_choice(updated.tool_choice, updated.tools, "session")
        self._charge(updated)
        self.wire = updated

    def _charge(self, updated: RealtimeSession | TranscriptionSession) -> None:
        """Count the configuration's memory. Raises InvalidRequest if it does not fit."""
        cost = held_bytes(updated)
        if cost > self._max_bytes:
            raise InvalidRequest("configuration_too_large", param="session", max=self._max_bytes, got=cost)
        self._account.take("configuration", cost - self._cost_bytes, param="session")
        self._cost_bytes = cost


def _realtime(session_id: str, defaults: SessionDefaults, expires_at: int) -> RealtimeSession:
    vad = ServerVad(silence_duration_ms=defaults.silence_duration_ms)
    return RealtimeSession(
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
                turn_detection=fill_in(vad, responds=True),
            ),
            output=AudioOutputConfig(
                format=PcmAudioFormat(rate=defaults.output_rates_hz[0]), voice=defaults.voice, speed=1.0
            ),
        ),
        include=None,
    )


def _transcription(session_id: str, defaults: SessionDefaults, expires_at: int) -> TranscriptionSession:
    vad = ServerVad(silence_duration_ms=defaults.silence_duration_ms)
    return TranscriptionSession(
        id=session_id,
        object="realtime.transcription_session",
        expires_at=expires_at,
        audio=TranscriptionSessionAudio(
            input=TranscriptionSessionAudioInput(
                format=PcmAudioFormat(rate=defaults.input_rates_hz[0]),
                # On from the start, because transcripts are all that this session gives.
                transcription=AudioTranscription(model=defaults.model, language=None, prompt=None),
                noise_reduction=None,
                turn_detection=fill_in(vad, responds=False),
            )
        ),
        include=None,
    )


def _check_no_idle_timeout(config: TranscriptionSessionConfig) -> None:
    wire = config.audio.input if is_set(config.audio) else None
    vad = wire.turn_detection if is_set(wire) else None
    if isinstance(vad, ServerVad) and is_set(vad.idle_timeout_ms):
        param = "session.audio.input.turn_detection.idle_timeout_ms"
        raise InvalidRequest("wrong_value", param=param, reason="a transcription session never prompts the user")


def encoding_of(
    output: AudioInputConfig | TranscriptionSessionAudioInput | AudioOutputConfig | ResponseAudioOutput,
) -> Encoding:
    """The encoding that a checked `format` object names."""
    match output.format:
        case None | UnknownAudioFormat() | msgspec.UNSET:
            return Encoding.of("audio/pcm")
        case PcmAudioFormat(rate=int() as rate):
            return Encoding.of("audio/pcm", rate)
        case known:
            return Encoding.of(known.type)


def voice_name(voice: object) -> str:
    """The voice's name or id, for an engine."""
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
