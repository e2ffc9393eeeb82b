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
"""Audio recorded or played at a time: less costs wake-ups, more is audible as delay."""

Record: TypeAlias = Callable[[bytes], None]
"""Takes a block of recorded PCM16. Called from the device's thread; must not block."""

Play: TypeAlias = Callable[[int, float], bytes]
"""Returns at most so many bytes of PCM16, to be played from this moment on (of `time.monotonic`); missing bytes are
played as silence. Called from the device's thread; must not block."""


class SoundDevice(Protocol):
    """Records and plays at the same time, in mono."""

    def start(self, *, input_hz: int, output_hz: int, record: Record, play: Play) -> None:
        """Start recording and playing.

        Raises:
            DuologueError: there is no such device; says what to do about it.
        """
        ...

    def stop(self) -> None:
        """Stop at once; no callback runs after it returns. May be called twice."""
        ...


class SystemSound:
    """The devices that the system's settings name, through PortAudio. Needs the `mic` extra."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def start(self, *, input_hz: int, output_hz: int, record: Record, play: Play) -> None:
        """Start recording and playing."""
        sounddevice = _portaudio()

        def on_recorded(block: Any, frames: int, moments: Any, status: Any) -> None:
            record(bytes(block))

        def on_playback(block: Any, frames: int, moments: Any, status: Any) -> None:
            # The driver reports the delay on its own clock.
            ahead_s = max(0.0, moments.outputBufferDacTime - moments.currentTime)
            audio = play(len(block), time.monotonic() + ahead_s)
            block[:] = audio.ljust(len(block), b"\0")

        with ExitStack() as streams:
            for name, make, rate_hz, callback in (
                ("microphone", sounddevice.RawInputStream, input_hz, on_recorded),
                ("loudspeaker", sounddevice.RawOutputStream, output_hz, on_playback),
            ):
                try:
                    stream = make(
                        samplerate=rate_hz, channels=1, dtype="int16", latency="low", callback=callback,
                        blocksize=rate_hz * BLOCK_MS // 1000,
                    )  # fmt: skip
                    streams.callback(stream.close)
                    stream.start()
                except (sounddevice.PortAudioError, ValueError) as fault:
                    raise DuologueError(
                        f"no {name} can be opened at {rate_hz} Hz: {_sentence(fault)};"
                        " see the sound settings of the system"
                    ) from fault
            self._open = streams.pop_all()

    def stop(self) -> None:
        """Close the devices."""
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
    """PortAudio's message, without the error number."""
    return str(fault.args[0] if fault.args else fault).strip()
