"""The output track: voice, clips and zeros in pieces of 100 ms."""

from __future__ import annotations

from duologue.audio.formats import PCMU
from duologue.protocol.live.server.sound.clip import FixtureClip
from duologue.protocol.live.server.sound.mixer import OutputMixer, Played
from duologue.protocol.server.account import MemoryAccount

ZEROS = b"\xff" * 800


def mixer() -> tuple[OutputMixer, MemoryAccount]:
    account = MemoryAccount(1_000_000)
    return OutputMixer(PCMU, account), account


def test_silence_is_exact_zeros() -> None:
    output, _ = mixer()
    assert output.take_piece() == (ZEROS, [], False)
    assert output.position_ms == 100


def test_replies_are_heard_one_behind_the_other_without_a_gap() -> None:
    output, account = mixer()
    output.begin("a")
    output.add("a", b"a" * 1_000)
    output.end("a")
    output.begin("b")
    output.add("b", b"b" * 200)
    output.end("b")
    assert output.voice_ahead_ms == output.sound_ms() == 150
    assert output.take_piece() == (b"a" * 800, [], False)
    piece, over, _ = output.take_piece()
    assert piece == b"a" * 200 + b"b" * 200 + b"\xff" * 400
    assert over == [Played("a", 1_000), Played("b", 200)]
    assert not output.has_voice
    assert account.held["audio"] == 0


def test_speech_that_is_incomplete_waits_for_a_whole_piece() -> None:
    output, _ = mixer()
    output.begin("a")
    output.add("a", b"a" * 500)
    assert output.take_piece()[0] == ZEROS
    output.add("a", b"a" * 300)
    assert output.take_piece()[0] == b"a" * 800


def test_a_cut_drops_the_rest_and_says_how_much_was_heard() -> None:
    output, account = mixer()
    output.begin("a")
    output.add("a", b"a" * 2_000)
    output.take_piece()
    assert output.cut() == [Played("a", 800)]
    output.add("a", b"a" * 2_000)
    assert output.take_piece()[0] == ZEROS
    assert account.held["audio"] == 0


def test_a_clip_goes_first_and_ends_with_the_piece_that_has_its_last_sample() -> None:
    output, account = mixer()
    output.play(FixtureClip(bytes(2 * 3_000), PCMU))
    output.begin("a")
    output.add("a", b"a" * 800)
    assert output.sound_ms() == 225
    assert output.take_piece() == (ZEROS, [], False)
    assert output.take_piece() == (ZEROS, [], True)
    assert output.take_piece()[0] == b"a" * 800
    output.play(FixtureClip(bytes(2 * 3_000), PCMU))
    output.release()
    assert account.held["audio"] == 0
