"""Microphone and loudspeaker of this machine, through PortAudio. Needs the `mic` extra."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias

from duologue.errors import DuologueError, MissingExtra

__all__ = ["BLOCK_MS", "Device", "Play", "Record", "open_loudspeaker", "open_microphone", "usual_rate"]

BLOCK_MS: Final = 20
"""Audio recorded or played at a time: less costs wake-ups, more is audible as delay."""

Record: TypeAlias = Callable[[bytes], None]
"""Takes a block of recorded PCM16. Called from the device's thread; must not block."""

Play: TypeAlias = Callable[[int, float], bytes]
"""Returns at most so many bytes of PCM16, to be heard from this moment on (of `time.monotonic`); missing bytes are
played as silence. Called from the device's thread; must not block."""

Device: TypeAlias = int | str | None
"""A device by its number or a part of its name, as `python -m sounddevice` lists them; None: the system's setting."""


def open_microphone(rate_hz: int, record: Record, *, device: Device = None) -> Callable[[], None]:
    """Record in mono from now on; returns what closes the device, after which `record` is not called any more.

    Raises:
        DuologueError: there is no such device, or not at this rate; says what to do about it.
        MissingExtra: the `mic` extra is not installed.
    """

    def recorded(block: Any, frames: int, moments: Any, status: Any) -> None:
        record(bytes(block))

    return _open("microphone", _portaudio().RawInputStream, rate_hz, recorded, device)


def open_loudspeaker(rate_hz: int, play: Play, *, device: Device = None) -> Callable[[], None]:
    """Play in mono from now on; returns what closes the device at once. Raises as `open_microphone` does."""

    def wanted(block: Any, frames: int, moments: Any, status: Any) -> None:
        # The driver reports the delay on its own clock.
        ahead_s = max(0.0, moments.outputBufferDacTime - moments.currentTime)
        audio = play(len(block), time.monotonic() + ahead_s)
        block[:] = audio.ljust(len(block), b"\0")

    return _open("loudspeaker", _portaudio().RawOutputStream, rate_hz, wanted, device)


def usual_rate(kind: str, *, device: Device = None) -> int | None:
    """The rate at which a device works best; None if it does not say. `kind` is "input" or "output"."""
    sounddevice = _portaudio()
    try:
        return int(sounddevice.query_devices(device, kind)["default_samplerate"])
    except (sounddevice.PortAudioError, ValueError, KeyError):
        return None


def _open(name: str, make: Any, rate_hz: int, callback: Callable[..., None], device: Device) -> Callable[[], None]:
    sounddevice = _portaudio()
    stream = None
    try:
        stream = make(
            samplerate=rate_hz, channels=1, dtype="int16", latency="low", callback=callback, device=device,
            blocksize=rate_hz * BLOCK_MS // 1000,
        )  # fmt: skip
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as fault:
        if stream is not None:
            stream.close()
        raise DuologueError(
            f"no {name} can be opened at {rate_hz} Hz: {_sentence(fault)}; see the sound settings of the system"
        ) from fault
    close: Callable[[], None] = stream.close
    return close


def _portaudio() -> Any:
    try:
        return import_module("sounddevice")
    except ModuleNotFoundError as fault:
        raise MissingExtra(fault.name or "sounddevice", extra="mic") from fault
    except OSError as fault:
        raise DuologueError(
            "the microphone needs the PortAudio library, which this system lacks: on Debian and Ubuntu,"
            " apt install libportaudio2; on Fedora, dnf install portaudio"
        ) from fault


def _sentence(fault: Exception) -> str:
    """PortAudio's message, without the error number."""
    return str(fault.args[0] if fault.args else fault).strip()
