"""What a client sends of its own making: ids, text messages, and the first configuration of a session."""

from __future__ import annotations

from os import PathLike
from typing import Any

import msgspec

from duologue.chance import random_bytes
from duologue.client.mappings import SessionInput, to_session
from duologue.events import (
    AnySessionConfig,
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    ConversationItemCreateEvent,
    FunctionTool,
    InputTextPart,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    UnknownSession,
    is_set,
)
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = ["check_audio", "initial_config", "new_id", "text_message"]


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{random_bytes(10).hex()}"


def text_message(text: str, *, role: str) -> ConversationItemCreateEvent:
    """The event that adds a text message to the conversation."""
    part = OutputTextPart(text=text) if role == "assistant" else InputTextPart(text=text)
    return ConversationItemCreateEvent(item=MessageItem(role=role, content=[part]))


def check_audio(audio: object, *, verb: str = "send_audio", words: str = "send_text(…)") -> None:
    """Check that what is given to be sent may be audio. `words` is what sends text in place of the method `verb`.

    Raises:
        TypeError: it is words, the name of a file, or no audio at all; the message says what to do.
    """
    file = f"a file is sent with {verb}(duologue.audio.wav.read_wav(path))"
    if isinstance(audio, str):
        raise TypeError(f"{verb} takes audio, not str: {f'words are sent with {words}, ' if words else ''}{file}")
    if isinstance(audio, PathLike):
        raise TypeError(f"{verb} takes audio, not {type(audio).__name__}: {file}")
    if audio is None or isinstance(audio, list | tuple | dict | set | int | float | complex):
        raise TypeError(
            f"{verb} takes audio, not {type(audio).__name__}: bytes, an array or a Sound; numbers in a list are"
            ' array.array("h", numbers) as 16-bit samples'
        )


def initial_config(
    session: SessionInput | None,
    toolbox: Toolbox,
    *,
    transcription_model: str | None = None,
    kind: str = "realtime",
) -> AnySessionConfig | None:
    """The configuration that is sent first; None if there is none.

    It is `session` with its own tools and those of `toolbox`, or with a model of a transcription session, if it names
    none. `kind` is the type of a mapping without one.

    Raises:
        LocalProtocolError: a mapping has a setting of a wrong type; the message names the place.
        TypeError: there are functions, and the session only transcribes.
        ValueError: a tool of the session has the name of one of `toolbox`.
    """
    config = to_session(session, kind=kind) if session is not None else None
    if len(toolbox):
        config = _with_tools(config if config is not None else RealtimeSessionConfig(), toolbox)
    if transcription_model is None:
        return config
    config = config if config is not None else TranscriptionSessionConfig()
    return config if isinstance(config, UnknownSession) else _with_transcription_model(config, transcription_model)


def _with_tools(config: AnySessionConfig, toolbox: Toolbox) -> RealtimeSessionConfig:
    if not isinstance(config, RealtimeSessionConfig):
        raise TypeError("a session that only transcribes calls no functions: leave out tools=")
    own = list(config.tools) if is_set(config.tools) else []
    for tool in own:
        if isinstance(tool, FunctionTool) and is_set(tool.name) and tool.name in toolbox:
            raise ValueError(f"{tool.name!r} is among the session's tools and in tools=: leave one of them out")
    return msgspec.structs.replace(config, tools=[*own, *toolbox.offered])


def _with_transcription_model(
    config: RealtimeSessionConfig | TranscriptionSessionConfig, model: str
) -> RealtimeSessionConfig | TranscriptionSessionConfig:
    """The configuration, in which `audio.input.transcription` has this model, unless it has one or is switched off."""
    replace = msgspec.structs.replace
    audio: Any = config.audio or (
        AudioConfig() if isinstance(config, RealtimeSessionConfig) else TranscriptionSessionAudio()
    )
    input_: Any = audio.input or (
        AudioInputConfig() if isinstance(audio, AudioConfig) else TranscriptionSessionAudioInput()
    )
    if input_.transcription is None or (is_set(input_.transcription) and is_set(input_.transcription.model)):
        return config
    transcription = replace(input_.transcription or AudioTranscription(), model=model)
    return replace(config, audio=replace(audio, input=replace(input_, transcription=transcription)))
