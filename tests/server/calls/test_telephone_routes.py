"""Accept, reject, refer and hang up by HTTP; tests/telephony/sip/test_ringing.py has whole calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duologue.errors import ConnectFailed
from duologue.server import Limits
from duologue.server.calls.incoming_call import CallDeclined, IncomingCall
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import SessionStart
from duologue.transports import Transport
from duologue.transports.webrtc.memory import MemoryPeer
from tests.server.calls._calls import CALLS, Caller, calling, closed, error_of, event

KEYS = {"authorization": "Bearer one"}


async def ringing(caller: Caller, owner: str | None = None) -> tuple[IncomingCall, MemoryPeer]:
    """A call that rings, and the telephone's peer."""
    telephone = caller.new_peer()
    server = caller.stack.new_peer(caller.app.calls.settings)
    return caller.app.calls.ring(await telephone.offer(), server, owner=owner), telephone


def recorded(folder: Path) -> str:
    """The one recording in a folder."""
    [recording] = folder.rglob("*.jsonl")
    return recording.read_text(encoding="utf-8")


async def ask(caller: Caller, call: IncomingCall, verb: str, body: Any = None, **headers: str) -> Any:
    return await caller.http.post(f"{CALLS}/{call.call_id}/{verb}", json=body, headers=headers)


async def test_an_accepted_call_has_the_session_of_the_request() -> None:
    async with calling() as caller:
        call, telephone = await ringing(caller)
        accepted = await ask(caller, call, "accept", {"model": "gpt-realtime", "instructions": "Be short."})
        assert (accepted.status_code, accepted.content) == (200, b"")
        await telephone.connect(await call.answered)
        created = await event(telephone, "session.created")
        assert created["session"]["instructions"] == "Be short."
        await call.press("5")
        assert (await event(telephone, "input_audio_buffer.dtmf_event_received"))["event"] == "5"
        assert error_of(await ask(caller, call, "accept", {})) == (400, "call_already_answered")
        assert error_of(await ask(caller, call, "reject")) == (400, "call_already_answered")
        assert (await ask(caller, call, "hangup")).status_code == 200
        assert await closed(telephone) == 1000
        assert error_of(await ask(caller, call, "hangup")) == (400, "call_id_not_found")
        assert error_of(await ask(caller, call, "refer", {"target_uri": "tel:+1"})) == (400, "call_id_not_found")


async def test_recordings_have_the_keys_of_a_call(tmp_path: Path) -> None:
    async with calling(record=tmp_path) as caller:
        call, telephone = await ringing(caller)
        await ask(caller, call, "accept", {})
        await telephone.connect(await call.answered)
        await event(telephone, "session.created")
        await call.press("5")
        await ask(caller, call, "hangup")
    text = recorded(tmp_path)
    assert '"medium":"sip"' in text
    assert "input_audio_buffer.dtmf_event_received" in text


async def test_a_session_that_does_not_begin_ends_the_call() -> None:
    async def unreachable(_: SessionStart) -> Transport:
        raise ConnectFailed("refused", retryable=True)

    upstream = Upstream(open=unreachable, dialect="openai")
    async with calling(upstream=upstream) as caller:
        call, _ = await ringing(caller)
        assert error_of(await ask(caller, call, "accept", {})) == (503, "upstream_unavailable")
        with pytest.raises(CallDeclined) as declined:
            await call.answered
        assert declined.value.status_code == 500


@pytest.mark.parametrize(
    ("verb", "body", "status"), [("reject", None, 603), ("reject", {"status_code": 486}, 486), ("hangup", None, 603)]
)
async def test_a_call_is_declined_while_it_rings(verb: str, body: Any, status: int) -> None:
    async with calling() as caller:
        call, _ = await ringing(caller)
        assert (await ask(caller, call, verb, body)).status_code == 200
        with pytest.raises(CallDeclined) as declined:
            await call.answered
        assert declined.value.status_code == status
        assert error_of(await ask(caller, call, "accept", {})) == (400, "call_id_not_found")


@pytest.mark.parametrize(
    ("verb", "body", "param"),
    [
        ("reject", {"status_code": 200}, "status_code"),
        ("reject", {"status_code": "486"}, "status_code"),
        ("accept", {"output_modalities": 7}, "session.output_modalities"),
    ],
)
async def test_a_wrong_value_is_named_and_the_call_rings_on(verb: str, body: Any, param: str) -> None:
    async with calling() as caller:
        call, _ = await ringing(caller)
        refused = await ask(caller, call, verb, body)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
        assert call.rings
        assert error_of(await ask(caller, call, "refer", {"target_uri": "tel:+1"})) == (400, "invalid_request")
        await call.decline()


async def test_a_transfer_needs_an_address() -> None:
    async with calling() as caller:
        call, telephone = await ringing(caller)
        targets: list[str] = []
        call.on_refer = targets.append
        await ask(caller, call, "accept", {})
        await telephone.connect(await call.answered)
        for wrong in ({}, {"target_uri": "+1555"}, {"target_uri": 7}, {"target_uri": "tel:" + "1" * 2000}):
            assert error_of(await ask(caller, call, "refer", wrong))[0] == 400
        assert (await ask(caller, call, "refer", {"target_uri": "SIP:desk@example.com"})).status_code == 200
        assert targets == ["SIP:desk@example.com"]


async def test_a_call_of_webrtc_is_hung_up_and_nothing_else() -> None:
    async with calling() as caller, caller.call() as (_, call_id):
        for verb in ("accept", "reject", "refer"):
            refused = await caller.http.post(f"{CALLS}/{call_id}/{verb}", json={})
            assert error_of(refused) == (400, "invalid_request")


async def test_only_its_owner_decides_on_a_call() -> None:
    async with calling(api_key=("one", "two")) as caller:
        call, _ = await ringing(caller, owner="another")
        assert error_of(await ask(caller, call, "accept", {}, **KEYS)) == (400, "call_id_not_found")
        assert error_of(await ask(caller, call, "accept", {}))[0] == 401
        await call.decline()
        call, telephone = await ringing(caller)
        assert (await ask(caller, call, "accept", {}, **KEYS)).status_code == 200
        await telephone.connect(await call.answered)
        other = await ask(caller, call, "hangup", authorization="Bearer two")
        assert error_of(other) == (400, "call_id_not_found")


async def test_a_call_for_which_there_is_no_place_rings_on() -> None:
    async with calling(limits=Limits(sessions=1)) as caller, caller.call():
        call, _ = await ringing(caller)
        assert (await ask(caller, call, "accept", {})).status_code == 503
        assert call.rings
        await call.decline()


async def test_calls_that_ring_end_with_the_server() -> None:
    async with calling() as caller:
        call, _ = await ringing(caller)
    with pytest.raises(CallDeclined) as declined:
        await asyncio.wait_for(call.answered, 5)
    assert declined.value.status_code == 503
