"""How a session's audio is encoded, read from its configuration. Absent and null: rule `session.defaults`."""

from __future__ import annotations

from duologue.audio.formats import PCM, Encoding
from duologue.errors import AudioError
from duologue.events import (
    AnySession,
    AudioConfig,
    AudioInputConfig,
    PcmAudioFormat,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    UnknownVariant,
    is_set,
)

__all__ = ["encoding_of_format", "input_config", "session_encodings"]


def session_encodings(session: AnySession, *, usual_input: Encoding = PCM) -> tuple[Encoding | None, Encoding | None]:
    """Encodings of a session's input and output; None for an unknown one. `usual_input` is that of a session that does
    not say it."""
    if isinstance(session, UnknownVariant):
        return None, None
    wire = input_config(session.audio)
    output = session.audio.output if isinstance(session.audio, AudioConfig) else None
    return (
        encoding_of_format(wire.format) if wire is not None and is_set(wire.format) else usual_input,
        encoding_of_format(output.format if is_set(output) else None),
    )


def input_config(audio: object) -> AudioInputConfig | TranscriptionSessionAudioInput | None:
    """The input's settings in a session's `audio`, if it has them."""
    match audio:
        case AudioConfig(input=AudioInputConfig() as found):
            return found
        case TranscriptionSessionAudio(input=TranscriptionSessionAudioInput() as found_too):
            return found_too
        case _:
            return None


def encoding_of_format(wire: object) -> Encoding | None:
    """The encoding that a `format` object names; None for an unknown type or an impossible rate."""
    match wire:
        case UnknownVariant():
            return None
        case PcmAudioFormat(rate=int() as rate):
            try:
                return Encoding.of("audio/pcm", rate)
            except AudioError:
                return None
        case _:
            return Encoding.of(str(getattr(wire, "type", "audio/pcm")))
