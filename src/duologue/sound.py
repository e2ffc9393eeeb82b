"""Sinks and sources for `conversation.play` and `conversation.listen`: the public name of `duologue.client.sound`."""

from __future__ import annotations

from duologue.client.sound.line import Line, LineSink, LineSource
from duologue.client.sound.listening import Listening
from duologue.client.sound.loudspeaker import Loudspeaker, PullSink
from duologue.client.sound.microphone import Microphone
from duologue.client.sound.playback import Playback
from duologue.client.sound.sinks import AudioSink, FunctionSink, InThread, WavSink
from duologue.client.sound.sources import AudioSource, WavSource

__all__ = [
    "AudioSink",
    "AudioSource",
    "FunctionSink",
    "InThread",
    "Line",
    "LineSink",
    "LineSource",
    "Listening",
    "Loudspeaker",
    "Microphone",
    "Playback",
    "PullSink",
    "WavSink",
    "WavSource",
]
