"""Both devices of the system at once."""

from __future__ import annotations

import pytest

from duologue.cli.call.sound_device import SystemSound
from duologue.errors import DuologueError
from tests.client.sound._portaudio import NoStream, Stream, install


def test_the_system_s_devices_record_and_play(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    recorded: list[bytes] = []
    device = SystemSound()
    device.start(input_hz=24_000, output_hz=8_000, record=recorded.append, play=lambda n_bytes, at_s: b"\x01\x02")
    microphone, loudspeaker = Stream.opened
    assert (microphone.settings["samplerate"], loudspeaker.settings["samplerate"]) == (24_000, 8_000)
    microphone.records(b"abcd")
    assert recorded == [b"abcd"]
    assert loudspeaker.plays(4) == b"\x01\x02\0\0"
    device.stop()
    device.stop()
    assert [stream.is_open for stream in Stream.opened] == [False, False]


def test_a_device_that_cannot_be_opened_closes_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    library = install(monkeypatch)
    library.__dict__["RawOutputStream"] = NoStream
    with pytest.raises(DuologueError, match="no loudspeaker"):
        SystemSound().start(input_hz=24_000, output_hz=24_000, record=print, play=lambda n_bytes, at_s: b"")
    assert [stream.is_open for stream in Stream.opened] == [False, False]
