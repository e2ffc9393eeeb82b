"""What hands out notices to streams, callbacks and sinks, whatever the family of the protocol."""

from __future__ import annotations

import pytest

from duologue.client.asyncio.notice_delivery import NoticeDelivery
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.live.kinds import LiveKindFilter
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.notices import TimeStalled, UtteranceEnded


class Broken:
    """A sink with a fault."""

    def __init__(self) -> None:
        self.ended_with: DuologueError | None = None

    def put(self, notice: object, /) -> None:
        raise ZeroDivisionError

    def end(self, fault: DuologueError, /) -> None:
        self.ended_with = fault


async def test_a_sink_that_fails_ends_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    delivery, broken = NoticeDelivery(), Broken()
    stream: NoticeStream[object] = NoticeStream((object,))
    delivery.attach(broken)
    delivery.attach(stream)
    delivery._publish("a notice")
    assert stream.take_unread() == ["a notice"]
    assert "the stream failed" in str(broken.ended_with)
    assert "a stream failed at a str" in caplog.text


async def test_what_is_held_comes_in_order_and_what_comes_after_the_end_is_told() -> None:
    delivery = NoticeDelivery()
    stream: NoticeStream[object] = NoticeStream((object,))
    delivery._hold_notices()
    delivery._publish(1)
    delivery._publish(2)
    delivery.attach(stream)
    delivery._end_notices(ConnectionClosedOK(1000))
    assert stream.take_unread() == [1, 2]
    late: NoticeStream[object] = NoticeStream((object,))
    delivery.attach(late)
    with pytest.raises(ConnectionClosedOK):
        await late.receive()


async def test_it_knows_whether_a_notice_is_heard() -> None:
    delivery, notice = NoticeDelivery(), TimeStalled(1)
    assert not delivery._is_heard(notice)
    remove = delivery._add_callback(LiveKindFilter((TimeStalled,)), lambda notice: None)
    assert delivery._is_heard(notice)
    remove()
    delivery.attach(NoticeStream(LiveKindFilter((UtteranceEnded,))))
    assert not delivery._is_heard(notice)
    delivery.attach(NoticeStream(LiveKindFilter((TimeStalled,))))
    assert delivery._is_heard(notice)
    with pytest.raises(TypeError, match="a callback is a function"):
        delivery._add_callback(LiveKindFilter((TimeStalled,)), 3)  # type: ignore[arg-type]
