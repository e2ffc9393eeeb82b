"""What a client sends of its own making: ids, text messages, and the first configuration of a session."""

from __future__ import annotations

import secrets
from os import PathLike
from typing import cast, get_args

import msgspec

from duologue.events import (
    AnySessionConfig,
    ConversationItemCreateEvent,
    InputTextPart,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
)
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = ["audio_bytes", "initial_config", "new_id", "session_config", "text_message"]


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def text_message(text: str, *, role: str) -> ConversationItemCreateEvent:
    """The event that adds a text message to the conversation."""
    part = OutputTextPart(text=text) if role == "assistant" else InputTextPart(text=text)
    return ConversationItemCreateEvent(item=MessageItem(role=role, content=[part]))


def audio_bytes(audio: object) -> bytes:
    """Audio that was given to be sent, as bytes.

    Raises:
        TypeError: it is none; the message says how to make bytes of it.
    """
    if isinstance(audio, bytes):
        return audio
    if isinstance(audio, bytearray | memoryview):
        return bytes(audio)  # a copy: the caller may fill its buffer again
    if isinstance(audio, str):
        instead = "words are sent with send_text(…), a file with duologue.audio.wav.read_wav(path).at(24_000).pcm16"
    elif isinstance(audio, PathLike):
        instead = "a file is sent with duologue.audio.wav.read_wav(path).at(24_000).pcm16"
    elif hasattr(audio, "tobytes"):
        instead = "of 16-bit samples in an array pass array.tobytes(); samples of -1 to 1 are multiplied by 32767 first"
    else:
        instead = "samples of 16 bits, in the session's input format"
    raise TypeError(f"send_audio takes bytes of audio, not {type(audio).__name__}: {instead}")


def session_config(value: object) -> AnySessionConfig:
    """What was given as a session's configuration.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, get_args(AnySessionConfig)):
        return cast("AnySessionConfig", value)
    raise TypeError(
        f"a session is configured with duologue.events.RealtimeSessionConfig(…), not with {type(value).__name__}; from "
        "JSON, write SessionUpdateEvent.from_json({'type': 'session.update', 'session': {…}}).session"
    )


def initial_config(session: RealtimeSessionConfig | None, toolbox: Toolbox) -> AnySessionConfig | None:
    """The configuration that is sent first: `session` with the functions of `toolbox`; None without either.

    Raises:
        TypeError: `session` is no configuration.
    """
    if not len(toolbox):
        return session_config(session) if session is not None else None
    config = session_config(session if session is not None else RealtimeSessionConfig())
    return msgspec.structs.replace(config, tools=list(toolbox.tools))
