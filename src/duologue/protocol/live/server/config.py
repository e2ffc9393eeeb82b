"""The configuration of a session: what a start, a fork and an update may say, and what the session is then.

Raises `RefusedCommand` for the first fault; a configuration is taken as a whole or not at all
(https://platform.openai.com/docs/guides/live).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from duologue.audio.formats import PCM, Encoding
from duologue.events import CustomVoice, is_set
from duologue.events.live import (
    LiveAudio,
    LiveAudioFormat,
    LiveAudioOutput,
    LiveInitialMessage,
    LivePcmaAudioFormat,
    LivePcmAudioFormat,
    LivePcmuAudioFormat,
    LiveResponsesDelegation,
    LiveSession,
    LiveSessionConfig,
    LiveSessionUpdate,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation_settings import checked_delegation, delegation_of, merged_delegation
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.stored import StoredLiveSession
from duologue.protocol.server.token_usage import text_tokens

__all__ = ["encoding_of", "forked", "started", "text_of", "updated", "voice_of"]

_RATES_HZ: Final[Mapping[type, tuple[int, ...]]] = {
    LivePcmAudioFormat: (24_000, 16_000),
    LivePcmuAudioFormat: (8_000,),
    LivePcmaAudioFormat: (8_000,),
}
"""By format: the published rates; the first is the default."""

_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "developer": frozenset({"input_text"}),
    "user": frozenset({"input_text"}),
    "assistant": frozenset({"text", "output_text"}),
}
"""By role: the types of content that an earlier message may have."""

_IN_FORK: Final = frozenset({"audio", "client", "delegation", "store", "extra"})
"""What a fork may say; it inherits the rest."""

_MAX_NAME_CHARS: Final = 256
"""Models, voices and ids of users; the published ones are shorter than 65."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def started(config: LiveSessionConfig, session_id: str, expires_at: int, limits: LiveDefaults) -> LiveSession:
    """The session that a `session.start` makes."""
    if not is_set(config.model):
        raise RefusedCommand("missing", param="session.model")
    _check_name(config.model, "session.model")
    instructions = config.instructions if is_set(config.instructions) else ""
    if (got := text_tokens(instructions)) > limits.max_instructions_tokens:
        raise RefusedCommand(
            "too_long", param="session.instructions", max=limits.max_instructions_tokens, unit="tokens", got=got
        )
    messages = config.input if is_set(config.input) else []
    _check_input(messages, limits)
    if is_set(config.triggers) and config.triggers:
        raise RefusedCommand("not_supported", param="session.triggers", value="a decision trigger")
    audio = config.audio if is_set(config.audio) else LiveAudio()
    output = audio.output if is_set(audio.output) else LiveAudioOutput()
    voice = output.voice if isinstance(output.voice, str | CustomVoice) else limits.voice
    _check_name(_voice_name(voice), "session.audio.output.voice")
    return LiveSession(
        id=session_id,
        model=config.model,
        expires_at=expires_at,
        status="active",
        audio=LiveAudio(format=_format(audio), output=LiveAudioOutput(voice=voice)),
        instructions=instructions,
        input=messages,
        delegation=checked_delegation(delegation_of(config.delegation), limits),
        triggers=UNSET,
        client=config.client if is_set(config.client) else UNSET,
        safety_identifier=_safety_identifier(config),
        store=config.store is True,
    )


def forked(
    config: LiveSessionConfig, stored: StoredLiveSession, session_id: str, expires_at: int, limits: LiveDefaults
) -> LiveSession:
    """The session that a `session.start` makes of a stored one."""
    for name in config.__struct_fields__:
        if name not in _IN_FORK and getattr(config, name) is not UNSET:
            raise RefusedCommand("fork_fixed", param=f"session.{name}")
    before = stored.session
    audio = config.audio if is_set(config.audio) else LiveAudio()
    if audio.output is not UNSET:
        raise RefusedCommand("fork_fixed", param="session.audio.output")
    delegation = delegation_of(before.delegation)
    if is_set(config.delegation):
        if not isinstance(delegation, LiveResponsesDelegation) or not isinstance(
            config.delegation, LiveResponsesDelegation
        ):
            raise RefusedCommand("fork_delegation", param="session.delegation.type")
        delegation = merged_delegation(delegation, config.delegation, limits)
    return replace(
        before,
        id=session_id,
        expires_at=expires_at,
        audio=LiveAudio(format=_format(audio), output=LiveAudioOutput(voice=voice_of(before) or limits.voice)),
        delegation=delegation,
        client=config.client if is_set(config.client) else before.client,
        store=config.store if is_set(config.store) else before.store,
    )


def updated(session: LiveSession, update: LiveSessionUpdate, limits: LiveDefaults) -> LiveSession:
    """The session after a `session.update`."""
    for name in update.extra:
        fixed = name in LiveSession.__struct_fields__
        raise RefusedCommand("immutable" if fixed else "unknown_parameter", param=f"session.{name}")
    if is_set(update.triggers) and update.triggers:
        raise RefusedCommand("not_supported", param="session.triggers", value="a decision trigger")
    if update.delegation is UNSET:
        return session
    wanted, before = delegation_of(update.delegation), delegation_of(session.delegation)
    if type(wanted) is not type(before):
        raise RefusedCommand("immutable", param="session.delegation.type")
    return replace(session, delegation=merged_delegation(before, wanted, limits))


def encoding_of(session: LiveSession) -> Encoding:
    """The encoding of both directions."""
    wanted = session.audio.format if is_set(session.audio) else None
    if not is_set(wanted):
        return PCM
    rate_hz = getattr(wanted, "rate", None)
    return Encoding.of(str(getattr(wanted, "type", None)), rate_hz if isinstance(rate_hz, int) else None)


def voice_of(session: LiveSession) -> str:
    """The voice's name, or its id."""
    output = session.audio.output if is_set(session.audio) else None
    return _voice_name(output.voice) if is_set(output) else ""


def text_of(message: LiveInitialMessage) -> str:
    """The words of an earlier message."""
    return " ".join(part.text for part in message.content if part.text)


def _format(audio: LiveAudio) -> LiveAudioFormat:
    """The format with its rate."""
    wanted: Any = audio.format if is_set(audio.format) else LivePcmAudioFormat()
    rates_hz = _RATES_HZ.get(type(wanted))
    if rates_hz is None:
        known = ", ".join(f"'{cls.type}'" for cls in (LivePcmAudioFormat, LivePcmuAudioFormat, LivePcmaAudioFormat))
        raise RefusedCommand("wrong_value", param="session.audio.format.type", reason=f"expected one of {known}")
    if not is_set(wanted.rate):
        return replace(wanted, rate=rates_hz[0])  # type: ignore[no-any-return]  # a format, as was checked
    if wanted.rate not in rates_hz:
        expected = " or ".join(map(str, sorted(rates_hz)))
        raise RefusedCommand("wrong_value", param="session.audio.format.rate", reason=f"expected {expected}")
    return wanted  # type: ignore[no-any-return]


def _voice_name(voice: Any) -> str:
    name = voice.id if isinstance(voice, CustomVoice) else voice
    return name if isinstance(name, str) else ""


def _check_input(messages: list[LiveInitialMessage], limits: LiveDefaults) -> None:
    if len(messages) > limits.max_input_messages:
        raise RefusedCommand(
            "too_long", param="session.input", max=limits.max_input_messages, unit="messages", got=len(messages)
        )
    for index, message in enumerate(messages):
        path = f"session.input[{index}]"
        if message.role not in _PARTS:
            expected = "'developer', 'user' or 'assistant'"
            raise RefusedCommand("wrong_value", param=f"{path}.role", reason=f"expected {expected}")
        if is_set(message.type) and message.type != "message":
            raise RefusedCommand("wrong_value", param=f"{path}.type", reason="expected 'message'")
        for number, part in enumerate(message.content):
            if is_set(part.type) and part.type not in _PARTS[message.role]:
                expected = " or ".join(f"'{kind}'" for kind in sorted(_PARTS[message.role]))
                raise RefusedCommand(
                    "wrong_value", param=f"{path}.content[{number}].type", reason=f"expected {expected}"
                )
    if (got := sum(text_tokens(text_of(message)) for message in messages)) > limits.max_input_tokens:
        raise RefusedCommand("too_long", param="session.input", max=limits.max_input_tokens, unit="tokens", got=got)


def _check_name(name: str, param: str) -> None:
    if not name.strip() or len(name) > _MAX_NAME_CHARS or _CONTROL.search(name):
        raise RefusedCommand(
            "wrong_value", param=param, reason=f"expected a name of up to {_MAX_NAME_CHARS} characters"
        )


def _safety_identifier(config: LiveSessionConfig) -> Any:
    if not is_set(config.safety_identifier):
        return UNSET
    _check_name(config.safety_identifier, "session.safety_identifier")
    return config.safety_identifier
