"""Calls as pages, curl and packages make them, with peers in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from duologue.server import Limits
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from tests.server._listening import scripted_app
from tests.server.calls._calls import CALLS, SDP, calling, closed, error_of, event

KEY = {"Authorization": "Bearer sesame"}


async def secret(caller: Any, body: dict[str, Any], key: dict[str, str] | None = None) -> dict[str, str]:
    """The header of a new client secret."""
    made = await caller.http.post("/v1/realtime/client_secrets", json=body, headers=key or {})
    return {"Authorization": f"Bearer {made.json()['value']}"}


# --- making a call


async def test_an_offer_is_answered_and_the_session_is_on_the_channel() -> None:
    async with calling() as caller:
        answer = await caller.post()
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch(r"/v1/realtime/calls/rtc_[0-9a-f]{32}", answer.headers["location"])
        assert answer.text.startswith("v=0")
        async with caller.call(model="m-1") as (peer, _):
            created = await event(peer, "session.created")
            assert created["session"]["model"] == "m-1"


async def test_a_form_has_the_offer_and_the_session() -> None:
    async with calling() as caller:
        session = {"type": "realtime", "model": "m-2", "instructions": "Be brief."}
        async with caller.call(session=session) as (peer, _):
            created = (await event(peer, "session.created"))["session"]
            assert (created["model"], created["instructions"]) == ("m-2", "Be brief.")


@pytest.mark.parametrize("field", [{}, {"session": (None, "")}])
async def test_the_session_of_a_form_may_be_left_out(field: dict[str, Any]) -> None:
    async with calling() as caller:
        offer = await caller.new_peer().offer()
        answer = await caller.http.post(CALLS, files={"sdp": ("offer.sdp", offer, "application/sdp"), **field})
        assert answer.status_code == 201


async def test_a_client_secret_brings_its_configuration() -> None:
    async with calling(api_key="sesame") as caller:
        config = {"session": {"type": "realtime", "model": "m-3", "instructions": "Sing."}}
        bearer = await secret(caller, config, KEY)
        async with caller.call(headers=bearer) as (peer, _):
            created = (await event(peer, "session.created"))["session"]
            assert (created["model"], created["instructions"]) == ("m-3", "Sing.")


async def test_the_session_of_a_form_changes_a_client_secret_s_but_not_its_model() -> None:
    async with calling(api_key="sesame") as caller:
        config = {"session": {"type": "realtime", "model": "m-3", "instructions": "Sing."}}
        bearer = await secret(caller, config, KEY)
        asked = {"type": "realtime", "model": "m-9", "audio": {"output": {"voice": "verse"}}}
        async with caller.call(session=asked, headers=bearer) as (peer, _):
            created = (await event(peer, "session.created"))["session"]
            assert (created["model"], created["instructions"]) == ("m-3", "Sing.")
            assert created["audio"]["output"]["voice"] == "verse"
        offer = await caller.new_peer().offer()
        files = {"sdp": (None, offer), "session": (None, '{"type":"transcription"}')}
        assert error_of(await caller.http.post(CALLS, files=files, headers=bearer)) == (401, "invalid_api_key")


async def test_the_beta_s_path_serves_the_beta_s_events() -> None:
    async with calling() as caller, caller.call("/v1/realtime", model="gpt-4o-realtime-preview") as (peer, _):
        created = (await event(peer, "session.created"))["session"]
        assert created["modalities"] == ["audio", "text"] or set(created["modalities"]) == {"audio", "text"}
        assert created["input_audio_format"] == "pcm16"


async def test_azure_s_path_is_in_the_location_too() -> None:
    async with calling() as caller:
        answer = await caller.post(f"/openai{CALLS}")
        assert answer.headers["location"].startswith(f"/openai{CALLS}/rtc_")


async def test_a_page_that_names_no_model_gets_the_first_that_is_served() -> None:
    async with calling(models=["m-1", "m-2"]) as caller, caller.call() as (peer, _):
        assert (await event(peer, "session.created"))["session"]["model"] == "m-1"


# --- what is refused


@pytest.mark.parametrize(
    ("headers", "content", "expected"),
    [
        ({"content-type": "application/json"}, b"{}", (415, "unsupported_content_type")),
        ({"content-type": ""}, b"v=0", (415, "unsupported_content_type")),
        (SDP, b"", (400, "invalid_offer")),
        (SDP, b"v=0", (400, "invalid_offer")),
        (SDP, b"\xff", (400, "invalid_offer")),
        (SDP, b"v" * 65_537, (413, None)),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x", (400, "invalid_form")),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", (400, "missing_required_parameter")),
    ],
)
async def test_what_is_no_offer_is_refused_in_json(
    headers: dict[str, str], content: bytes, expected: tuple[int, str | None]
) -> None:
    async with calling() as caller:
        answer = await caller.http.post(CALLS, content=content, headers=headers)
        assert error_of(answer) == expected
        assert answer.headers["content-type"] == "application/json"
        assert caller.stack.n_open == 0


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ("{", (400, "invalid_json")),
        ("[]", (400, "invalid_json")),
        ('{"type":"realtime","bogus":1}', (400, "unknown_parameter")),
        ('{"type":"realtime","instructions":7}', (400, "invalid_value")),
        ("{}", (400, "missing_required_parameter")),
        ('{"type":"realtime","model":"other"}', (404, "invalid_model")),
        (" " * 2000, (413, None)),
    ],
)
async def test_a_session_that_cannot_be_is_refused_as_for_a_client_secret(
    session: str, expected: tuple[int, str | None]
) -> None:
    async with calling(models=["m-1"], limits=Limits(body_bytes=1000)) as caller:
        files = {"sdp": (None, await caller.new_peer().offer()), "session": (None, session)}
        answer = await caller.http.post(CALLS, files=files)
        assert error_of(answer) == expected


async def test_a_form_is_read_no_further_than_its_limit() -> None:
    async with calling(limits=Limits(body_bytes=1000)) as caller:
        n_read = 0

        async def endless() -> AsyncGenerator[bytes]:
            nonlocal n_read
            while True:
                n_read += 10_000
                yield b"x" * 10_000

        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await caller.http.post(CALLS, content=endless(), headers=headers)
        assert answer.status_code == 413
        assert n_read < 110_000


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        ({"api_key": "sesame"}, {}, (401, None)),
        ({"api_key": "sesame"}, {"Authorization": "Bearer other"}, (401, "invalid_api_key")),
        ({}, {"Authorization": "Bearer ek_1234"}, (401, "invalid_api_key")),
        ({}, {"Origin": "https://evil.example"}, (403, "origin_not_allowed")),
        ({"models": ["m"]}, {}, (404, "invalid_model")),
        ({"limits": Limits(sessions=0)}, {}, (503, "server_overloaded")),
        ({"limits": Limits(max_sessions_per_owner=0)}, {}, (429, "rate_limit_exceeded")),
        ({"n_ports": 1}, {}, (503, "server_overloaded")),
        ({"webrtc": False}, {}, (501, "not_supported")),
        ({"refuse_beta": True}, {"OpenAI-Beta": "realtime=v1"}, (400, "beta_api_shape_disabled")),
    ],
)
async def test_calls_are_admitted_as_websockets_are(
    settings: dict[str, Any], headers: dict[str, str], expected: tuple[int, str | None]
) -> None:
    async with calling(**settings) as caller:
        assert error_of(await caller.post(headers=headers, model="other")) == expected
        assert caller.app.sessions_open == 0


async def test_the_beta_s_path_is_refused_where_the_beta_is() -> None:
    async with calling(refuse_beta=True) as caller:
        assert error_of(await caller.post("/v1/realtime")) == (400, "beta_api_shape_disabled")


async def test_calls_count_for_the_rate_and_for_the_number_of_sessions() -> None:
    async with calling(limits=Limits(sessions_per_minute=1)) as caller:
        assert (await caller.post()).status_code == 201
        assert error_of(await caller.post()) == (429, "rate_limit_exceeded")
    async with calling(limits=Limits(sessions=1)) as caller, caller.call() as (peer, _):
        await event(peer, "session.created")
        assert error_of(await caller.post()) == (503, "server_overloaded")


async def test_a_server_that_drains_or_is_not_ready_takes_no_call() -> None:
    async with calling() as caller:
        await caller.app.drain()
        assert error_of(await caller.post()) == (503, "server_shutting_down")
    stack = MemoryStack()
    transport = httpx.ASGITransport(scripted_app(stack=stack))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        offer = await stack.new_peer(PeerSettings()).offer()
        assert error_of(await http.post(CALLS, content=offer, headers=SDP)) == (503, "server_not_ready")


async def test_without_the_package_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from duologue.errors import MissingExtra
    from duologue.transports.webrtc import stacks

    def missing(name: str | None = None) -> Any:
        raise MissingExtra("wrtc", extra="webrtc")

    monkeypatch.setattr(stacks, "load_stack", missing)
    async with calling() as caller:
        caller.app.calls._stack = None
        answer = await caller.post()
        assert error_of(answer) == (501, "not_supported")
        assert "pip install 'duologue[webrtc]'" in answer.text


# --- ending a call


async def test_a_call_is_hung_up_by_its_owner_and_then_unknown() -> None:
    async with calling(api_key=["sesame", "other"]) as caller, caller.call(headers=KEY) as (peer, call_id):
        await event(peer, "session.created")
        path = f"{CALLS}/{call_id}/hangup"
        stranger = {"Authorization": "Bearer other"}
        assert error_of(await caller.http.post(path, headers=stranger)) == (400, "call_id_not_found")
        assert error_of(await caller.http.post(path)) == (401, None)
        assert (await caller.http.post(path, headers=KEY)).status_code == 200
        assert await closed(peer) == 1000
        assert error_of(await caller.http.post(path, headers=KEY)) == (400, "call_id_not_found")
        assert error_of(await caller.http.post(f"{CALLS}/no/hangup", headers=KEY)) == (400, "call_id_not_found")


async def test_a_client_secret_hangs_up_its_own_calls_alone() -> None:
    async with calling(api_key="sesame") as caller:
        mine, another = [await secret(caller, {}, KEY) for _ in range(2)]
        async with caller.call(headers=mine) as (peer, call_id):
            await event(peer, "session.created")
            path = f"{CALLS}/{call_id}/hangup"
            assert error_of(await caller.http.post(path, headers=another)) == (400, "call_id_not_found")
            assert (await caller.http.post(path, headers=mine)).status_code == 200
            assert await closed(peer) == 1000


@pytest.mark.parametrize("verb", ["accept", "refer", "reject"])
async def test_what_is_for_telephone_calls_is_refused(verb: str) -> None:
    async with calling() as caller, caller.call() as (_, call_id):
        assert error_of(await caller.http.post(f"{CALLS}/{call_id}/{verb}")) == (400, "invalid_request")
        assert error_of(await caller.http.post(f"{CALLS}/rtc_1/{verb}")) == (400, "call_id_not_found")


async def test_translation_is_no_call_and_that_is_said() -> None:
    """Its audio has events of its own, which the sound of a call does not become."""
    async with calling() as caller:
        made = await caller.http.post("/v1/realtime/translations/client_secrets", json={"session": {"model": "m"}})
        answer = await caller.post(headers={"Authorization": f"Bearer {made.json()['value']}"})
        assert error_of(answer) == (401, "invalid_api_key")
        assert "translation sessions only" in answer.text
        files = {"sdp": (None, await caller.new_peer().offer()), "session": (None, '{"type":"translation"}')}
        assert error_of(await caller.http.post(CALLS, files=files)) == (400, "invalid_value")
