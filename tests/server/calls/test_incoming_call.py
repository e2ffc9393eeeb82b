"""A telephone call from its ringing to a decision."""

from __future__ import annotations

import json

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedOK
from duologue.server.calls.incoming_call import CallDeclined, IncomingCall
from duologue.transports.webrtc.memory import MemoryPeer, memory_peers


async def ringing() -> tuple[IncomingCall, MemoryPeer]:
    telephone, server = await memory_peers()
    return IncomingCall(call_id="rtc_1", offer="v=0", peer=server), telephone


async def test_one_decision_is_enough() -> None:
    call, telephone = await ringing()
    assert call.rings
    states: list[bool] = []
    for step in (call.take, call.put_back, lambda: call.accept("v=0 answer")):
        step()
        states.append(call.rings)
    assert states == [False, True, False]
    await call.decline(486)
    assert await call.answered == "v=0 answer"
    await telephone.close()


async def test_a_declined_call_is_over_for_the_telephone() -> None:
    call, telephone = await ringing()
    await call.decline(486)
    call.accept("too late")
    with pytest.raises(CallDeclined) as declined:
        await call.answered
    assert declined.value.status_code == 486
    with pytest.raises(ConnectionClosed):
        await telephone.hear()


async def test_keys_are_told_while_there_is_a_session() -> None:
    call, telephone = await ringing()
    told: list[str] = []

    async def tell(message: str) -> None:
        if told:
            raise ConnectionClosedOK(1000)
        told.append(message)

    await call.press("1")  # it still rings
    call.tell = tell
    await call.press("2")
    await call.press("3")  # it is over
    [event] = map(json.loads, told)
    assert set(event) == {"type", "event", "received_at"}
    assert (event["type"], event["event"]) == ("input_audio_buffer.dtmf_event_received", "2")
    await telephone.close()
