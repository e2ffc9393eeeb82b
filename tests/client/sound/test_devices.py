"""The devices of the system, with a PortAudio that the test makes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from duologue.client.sound.devices import open_loudspeaker, open_microphone, usual_rate
from duologue.errors import DuologueError, MissingExtra
from tests.client.sound._portaudio import NoStream, PortAudioError, Stream, install


def silent(n_bytes: int, at_s: float) -> bytes:
    return b""


def test_a_microphone_records_in_blocks_of_20_ms_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    recorded: list[bytes] = []
    close = open_microphone(24_000, recorded.append, device="headset")
    [stream] = Stream.opened
    settings = stream.settings
    assert (settings["samplerate"], settings["blocksize"], settings["device"]) == (24_000, 480, "headset")
    stream.records(b"abcd")
    assert recorded == [b"abcd"]
    close()
    assert not stream.is_open


def test_a_loudspeaker_is_told_when_each_block_is_heard_and_plays_silence_for_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    monkeypatch.setattr(time, "monotonic", lambda: 40.0)
    asked: list[tuple[int, float]] = []

    def play(n_bytes: int, at_s: float) -> bytes:
        asked.append((n_bytes, at_s))
        return b"\x01\x02"

    open_loudspeaker(8_000, play)
    [stream] = Stream.opened
    assert stream.plays(8, delay_s=0.5) == b"\x01\x02" + bytes(6)
    assert asked == [(8, 40.5)]


def test_a_device_that_cannot_be_opened_is_named_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, NoStream)
    with pytest.raises(DuologueError, match="no loudspeaker can be opened at 24000 Hz: Error open"):
        open_loudspeaker(24_000, silent)
    with pytest.raises(DuologueError, match="no microphone can be opened at 8000 Hz"):
        open_microphone(8_000, print)
    assert [stream.is_open for stream in Stream.opened] == [False, False]


def test_the_rate_at_which_a_device_works_best_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    library = install(monkeypatch)
    assert usual_rate("input") == 48_000

    def no_device(device: object, kind: str) -> None:
        raise PortAudioError("no such device")

    library.__dict__["query_devices"] = no_device
    assert usual_rate("output", device=7) is None


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"pip install 'duologue\[mic\]'"):
        open_microphone(8_000, print)


def test_without_portaudio_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DuologueError, match="apt install libportaudio2"):
        open_loudspeaker(8_000, silent)
