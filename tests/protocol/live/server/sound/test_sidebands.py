"""The audio that sidebands get."""

from __future__ import annotations

import sys

import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.audio.pacing import silence
from duologue.events.live import LiveInputAudioAppendEvent, LiveOutputAudioDeltaEvent
from duologue.protocol.live.server.outgoing import SIDEBANDS, LiveOutbox
from duologue.protocol.live.server.sound.sidebands import Sidebands


def attached(encoding: Encoding = PCM) -> tuple[Sidebands, LiveOutbox]:
    out = LiveOutbox(str)
    sidebands = Sidebands(encoding, out, max_attached=2)
    assert sidebands.attach("a")
    return sidebands, out


def test_audio_of_the_wires_own_rate_is_passed_on_as_it_is() -> None:
    sidebands, out = attached()
    sidebands.input(b"\x01\x02")
    sidebands.output(b"\x03\x04", 100, 200)
    given, spoken = out.take_events()
    assert isinstance(given.event, LiveInputAudioAppendEvent)
    assert given.event.decode_audio() == b"\x01\x02"
    assert isinstance(spoken.event, LiveOutputAudioDeltaEvent)
    assert (spoken.event.decode_audio(), spoken.event.start_ms, spoken.event.end_ms) == (b"\x03\x04", 100, 200)
    assert {given.to, spoken.to} == {SIDEBANDS}


def test_every_piece_of_the_output_is_complete_at_another_rate() -> None:
    sidebands, out = attached(PCMU)
    for number in range(20):
        sidebands.output(silence(PCMU, 800), number * 100, number * 100 + 100)
    lengths = [
        len(outgoing.event.decode_audio())
        for outgoing in out.take_events()
        if isinstance(outgoing.event, LiveOutputAudioDeltaEvent)
    ]
    assert lengths == [4_800] * 20


def test_nothing_is_converted_while_none_is_attached() -> None:
    sidebands, out = attached()
    sidebands.detach("a")
    sidebands.input(b"\x01\x02")
    sidebands.output(b"\x03\x04", 0, 100)
    assert out.take_events() == []


def test_without_the_audio_extra_a_session_of_another_rate_takes_no_sideband(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert not Sidebands(PCMU, LiveOutbox(str), max_attached=2).attach("a")
    assert Sidebands(PCM, LiveOutbox(str), max_attached=2).attach("a")
