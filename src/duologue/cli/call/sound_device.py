"""The microphone and the loudspeaker of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any, Final, Protocol, TypeAlias

from duologue.errors import DuologueError, MissingExtra

__all__ = ["BLOCK_MS", "Play", "Record", "SoundDevice", "SystemSound"]

BLOCK_MS: Final = 20
"""What is recorded or played at a time: less costs wake-ups, more is heard as delay."""

Record: TypeAlias = Callable[[bytes], None]
"""Takes a block of recorded PCM16. Called from a thread of the device's own; must not wait."""

Play: TypeAlias = Callable[[int, float], bytes]
"""Gives so many bytes of PCM16 at most, to be heard from this moment on (of `time.monotonic`); what is missing is
silence. Called from a thread of the device's own; must not wait."""


class SoundDevice(Protocol):
    """Records and plays at the same time, mono."""

    def start(self, *, input_hz: int, output_hz: int, heard: Record, play: Play) -> None:
        """Begin.

        Raises:
            DuologueError: there is no such device; says what to do about it.
        """
        ...

    def stop(self) -> None:
        """End at once; no callback runs any more when it returns. Stopping twice is fine."""
        ...


class SystemSound:
    """The devices that the system's settings name, through PortAudio. Needs the `mic` extra."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def start(self, *, input_hz: int, output_hz: int, heard: Record, play: Play) -> None:
        """Begin to record and to play."""
        sounddevice = _portaudio()

        def record(block: Any, frames: int, moments: Any, status: Any) -> None:
            heard(bytes(block))

        def playback(block: Any, frames: int, moments: Any, status: Any) -> None:
            # The driver tells on a clock of its own how far ahead it is.
            ahead_s = max(0.0, moments.outputBufferDacTime - moments.currentTime)
            audio = play(len(block), time.monotonic() + ahead_s)
            block[:] = audio.ljust(len(block), b"\0")

        with ExitStack() as opening:
            for name, make, rate_hz, callback in (
                ("microphone", sounddevice.RawInputStream, input_hz, record),
                ("loudspeaker", sounddevice.RawOutputStream, output_hz, playback),
            ):
                try:
                    stream = make(
                        samplerate=rate_hz, channels=1, dtype="int16", latency="low", callback=callback,
                        blocksize=rate_hz * BLOCK_MS // 1000,
                    )  # fmt: skip
                    opening.callback(stream.close)
                    stream.start()
                except (sounddevice.PortAudioError, ValueError) as fault:
                    raise DuologueError(
                        f"there is no {name} that this program may use at {rate_hz} Hz: {_sentence(fault)};"
                        " see the sound settings of the system"
                    ) from fault
            self._open = opening.pop_all()

    def stop(self) -> None:
        """Give the devices back."""
        self._open.close()


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
    """PortAudio's words, without the numbers behind them."""
    return str(fault.args[0] if fault.args else fault).strip()
