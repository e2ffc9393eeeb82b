"""The microphone and the loudspeaker of this machine, for a talk."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol

from duologue.client.sound.devices import Play, Record, open_loudspeaker, open_microphone

__all__ = ["SoundDevice", "SystemSound"]


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
        with ExitStack() as devices:
            devices.callback(open_microphone(input_hz, record))
            devices.callback(open_loudspeaker(output_hz, play))
            self._open = devices.pop_all()

    def stop(self) -> None:
        """Close the devices."""
        self._open.close()
