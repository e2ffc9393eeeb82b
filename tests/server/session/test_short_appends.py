"""Short appends are taken at once while nothing stands before them, and all else is for the reading task."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.codec import encode_append
from duologue.server.session import short_appends
from duologue.server.session.short_appends import ShortAppends
from duologue.server.telemetry.observer import UNOBSERVED, NullSessionObserver, SessionObserver

AUDIO = bytes(range(96)) * 10
FRAME = encode_append(AUDIO)
CLEAR = b'{"type":"input_audio_buffer.clear"}'


class Session:
    """All that a session gives to its short appends, and what comes of them."""

    input_ms = 0
    takes_more = True
    is_full = False

    def __init__(
        self, *, reads_frames: bool = True, allowed: bool | None = None, observer: SessionObserver = UNOBSERVED
    ) -> None:
        self.heard: list[object] = []
        self.received: list[str] = []
        self.carried_out = 0
        self.works = True
        self.tasks: list[Any] = []
        one: Any = self
        self.appends = ShortAppends(
            one,
            one,
            one,
            observer=observer,
            reads_frames=reads_frames,
            allows=None if allowed is None else lambda now: allowed,
            receive=self.received.append,
            carry_out=self.carry_out,
            start=self.tasks.append,
        )
        self.appends.reader_waits = True

    def hear(self, audio: Any, context: Any = None, now: float = 0.0) -> Any:
        if not self.works:
            raise RuntimeError("broken")
        if context is not None:  # the detector's part
            self.heard.append(audio)
        return audio

    def begin(self, context: Any) -> None:
        self.heard.append("begun")

    def carry_out(self) -> None:
        self.carried_out += 1


async def test_audio_goes_to_the_detector() -> None:
    session = Session()
    assert session.appends.take_frame(FRAME)
    assert session.appends.take_audio(AUDIO)
    assert session.heard == [AUDIO, AUDIO]
    assert session.appends.reader_waits
    assert session.carried_out == 0, "nothing comes of an append before the detector has heard it"


class Counting(NullSessionObserver):
    """Notes what it is told of messages."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def received(self, n_bytes: int, input_ms: int) -> None:
        self.told.append(n_bytes)


async def test_the_observer_is_told_once_a_second_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((0.0, 100.0, 100.02, 100.98, 101.0, 101.02))
    monkeypatch.setattr(short_appends, "loop_clock", lambda: lambda: next(times))
    session = Session(observer=(observer := Counting()))
    assert all(session.appends.take_frame(FRAME) for _ in range(5))
    assert observer.told == [len(FRAME), 3 * len(FRAME)]
    session.appends.close()
    assert sum(observer.told) == 5 * len(FRAME)
    session.appends.report()
    assert sum(observer.told) == 5 * len(FRAME), "nothing is counted twice"


async def test_an_append_of_another_shape_is_received_as_any_event() -> None:
    for session, frame in (
        (Session(), FRAME[:-1] + b',"event_id":"e"}'),
        (Session(reads_frames=False), FRAME),
    ):
        assert session.appends.take_frame(frame)
        assert session.received == [frame.decode()]
        assert session.heard == ["begun"]
        assert session.carried_out == 1


@pytest.mark.parametrize("name", ["reader_waits", "takes_more", "is_full"])
async def test_what_has_to_wait_is_for_the_reading_task(name: str) -> None:
    session = Session()
    owner: Any = session.appends if name == "reader_waits" else session
    setattr(owner, name, name == "is_full")
    assert not session.appends.take_frame(FRAME)
    assert not session.appends.take_audio(AUDIO)
    assert not session.heard


@pytest.mark.parametrize("frame", [CLEAR, b"", FRAME[:-1] + ',"event_id":"é"}'.encode()])
async def test_other_messages_are_for_the_reading_task(frame: bytes) -> None:
    session = Session()
    assert not session.appends.take_frame(frame)
    assert not session.received


async def test_a_client_that_sends_too_much_is_told_so() -> None:
    session = Session(allowed=False)
    assert session.appends.take_frame(FRAME)
    assert session.heard == []
    assert session.carried_out == 1


async def test_a_fault_ends_the_session_and_no_more_is_taken_at_once() -> None:
    session = Session()
    session.works = False
    assert session.appends.take_frame(FRAME)
    (task,) = session.tasks
    with pytest.raises(RuntimeError, match="broken"):
        await task
    assert not session.appends.take_frame(FRAME)


async def test_nothing_is_taken_after_the_end() -> None:
    session = Session()
    session.appends.close()
    assert not session.appends.take_frame(FRAME)
    assert not session.appends.take_audio(AUDIO)
