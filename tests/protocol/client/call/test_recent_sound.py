from __future__ import annotations

from array import array

from duologue.protocol.client.call.recent_sound import RecentSound

QUIET = array("h", [3, -64] * 240).tobytes()


def loud(value: int) -> bytes:
    return array("h", [value] * 480).tobytes()


def test_the_beginning_of_a_speech_is_its_sound_or_the_end_of_the_silence() -> None:
    recent = RecentSound()
    assert recent.take_beginning() == b""
    for _ in range(10):
        assert not recent.add(QUIET, now=1.0)
    assert recent.n_quiet == 10
    assert recent.take_beginning() == QUIET * 2
    for frame in (QUIET, QUIET, QUIET, loud(100), QUIET, loud(-100)):
        recent.add(frame, now=2.0)
    assert (recent.n_quiet, recent.sounded_at) == (0, 2.0)
    assert recent.take_beginning() == QUIET * 2 + loud(100) + QUIET + loud(-100)


def test_a_second_is_kept_at_most() -> None:
    recent = RecentSound()
    for value in range(100, 200):
        recent.add(loud(value), now=0.0)
    assert recent.take_beginning() == b"".join(loud(value) for value in range(150, 200))


def test_the_rest_of_a_broken_off_speech_is_no_beginning() -> None:
    recent = RecentSound()
    recent.add(loud(100), now=0.0)
    recent.forget(in_flight=True)
    recent.add(loud(100), now=0.0)
    recent.add(QUIET, now=0.0)
    recent.add(loud(200), now=0.0)
    assert recent.take_beginning() == QUIET + loud(200)


def test_an_empty_frame_is_quiet() -> None:
    assert not RecentSound().add(b"", now=0.0)
