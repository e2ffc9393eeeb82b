"""The devices of the system, with a PortAudio that the test makes."""

from __future__ import annotations

import sys
import time
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest

from duologue.cli.call.sound_device import SystemSound
from duologue.errors import DuologueError, MissingExtra


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


class NoStream(Stream):
    """A device that cannot be opened."""

    def start(self) -> None:
        raise PortAudioError("Error opening RawOutputStream: Invalid sample rate [PaErrorCode -9997]", -9997)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    fake = types.ModuleType("sounddevice")
    fake.__dict__.update(PortAudioError=PortAudioError, RawInputStream=Stream, RawOutputStream=Stream)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(Stream, "opened", [])
    return fake


def test_the_system_s_devices_record_and_play(library: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 40.0)
    recorded: list[bytes] = []
    asked: list[tuple[int, float]] = []

    def play(n_bytes: int, at_s: float) -> bytes:
        asked.append((n_bytes, at_s))
        return b"\x01\x02"

    device = SystemSound()
    device.start(input_hz=24_000, output_hz=8_000, record=recorded.append, play=play)
    microphone, loudspeaker = Stream.opened
    assert (microphone.settings["samplerate"], loudspeaker.settings["samplerate"]) == (24_000, 8_000)
    assert (microphone.settings["blocksize"], loudspeaker.settings["blocksize"]) == (480, 160)
    microphone.settings["callback"](memoryview(b"abcd"), 2, None, None)
    block = bytearray(b"\xff" * 8)
    moments = types.SimpleNamespace(outputBufferDacTime=7.5, currentTime=7.0)
    loudspeaker.settings["callback"](memoryview(block), 4, moments, None)
    assert recorded == [b"abcd"]
    assert block == b"\x01\x02" + bytes(6)
    assert asked == [(8, 40.5)]
    device.stop()
    device.stop()
    assert [stream.is_open for stream in Stream.opened] == [False, False]


def test_a_device_that_cannot_be_opened_is_named_and_the_other_is_closed(library: types.ModuleType) -> None:
    library.__dict__["RawOutputStream"] = NoStream
    with pytest.raises(DuologueError, match="no loudspeaker can be opened at 24000 Hz: Error open"):
        SystemSound().start(input_hz=24_000, output_hz=24_000, record=print, play=lambda n_bytes, at_s: b"")
    assert [stream.is_open for stream in Stream.opened] == [False, False]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"pip install 'duologue\[mic\]'"):
        SystemSound().start(input_hz=1, output_hz=1, record=print, play=lambda n_bytes, at_s: b"")


def test_without_portaudio_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DuologueError, match="apt install libportaudio2"):
        SystemSound().start(input_hz=1, output_hz=1, record=print, play=lambda n_bytes, at_s: b"")
