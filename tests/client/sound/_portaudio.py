"""A PortAudio that the test makes: its streams do what the test calls."""

from __future__ import annotations

import sys
import types
from typing import Any, ClassVar

import pytest

__all__ = ["NoStream", "PortAudioError", "Stream", "install"]


class PortAudioError(Exception):
    """What the library raises."""


class Stream:
    """A stream of the fake library."""

    opened: ClassVar[list[Stream]] = []

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.is_open = True
        self.opened.append(self)

    def start(self) -> None:
        """Nothing: the test calls the callback."""

    def close(self) -> None:
        self.is_open = False

    def records(self, pcm16: bytes) -> None:
        """The microphone hears this."""
        self.settings["callback"](memoryview(pcm16), len(pcm16) // 2, None, None)

    def plays(self, n_bytes: int, *, delay_s: float = 0.0) -> bytes:
        """The loudspeaker takes so much, to be heard so much later."""
        block = bytearray(b"\xff" * n_bytes)
        moments = types.SimpleNamespace(outputBufferDacTime=7.0 + delay_s, currentTime=7.0)
        self.settings["callback"](memoryview(block), n_bytes // 2, moments, None)
        return bytes(block)


class NoStream(Stream):
    """A device that cannot be opened."""

    def start(self) -> None:
        raise PortAudioError("Error opening stream: Invalid sample rate [PaErrorCode -9997]", -9997)


class OnlyAt48k(Stream):
    """A device with one rate."""

    def __init__(self, **settings: Any) -> None:
        if settings["samplerate"] != 48_000:
            raise PortAudioError("Invalid sample rate", -9997)
        super().__init__(**settings)


def install(monkeypatch: pytest.MonkeyPatch, make: type[Stream] = Stream) -> types.ModuleType:
    """The library, with streams of this class."""
    fake = types.ModuleType("sounddevice")

    def query_devices(device: Any, kind: str) -> dict[str, Any]:
        return {"name": f"{kind} {device}", "default_samplerate": 48_000.0}

    fake.__dict__.update(
        PortAudioError=PortAudioError, RawInputStream=make, RawOutputStream=make, query_devices=query_devices
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(Stream, "opened", [])
    return fake
