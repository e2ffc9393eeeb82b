"""Pages of other origins, as browsers ask for them."""

from __future__ import annotations

import httpx
import pytest

from tests.server.calls._calls import CALLS, calling

PAGE = "https://app.example"
ASKED = "authorization,content-type,x-openai-agents-sdk"
WANTED = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ASKED}

WITH_CORS = [
    CALLS,
    "/v1/realtime",
    f"{CALLS}/rtc_1/hangup",
    f"/openai{CALLS}",
    "/openai/v1/realtime",
    f"/openai{CALLS}/rtc_1/hangup",
]
WITHOUT = [
    "/v1/realtime/client_secrets",
    "/v1/realtime/sessions",
    "/v1/models",
    "/metrics",
    "/healthz",
    f"{CALLS}/rtc_1/accept",
    f"{CALLS}/",
    "/v1/live/sessions",
]


@pytest.mark.parametrize("path", WITH_CORS)
async def test_a_preflight_is_answered_without_a_key(path: str) -> None:
    async with calling(api_key="sesame") as caller:
        answer = await caller.http.options(path, headers=WANTED)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == ASKED
    assert int(answer.headers["access-control-max-age"]) >= 60
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", WITHOUT)
async def test_other_paths_have_no_cors(path: str) -> None:
    async with calling(api_key="sesame") as caller:
        preflight = await caller.http.options(path, headers=WANTED)
        answers = [preflight, await caller.http.post(path, headers={"Origin": PAGE}), await caller.http.get(path)]
    assert preflight.status_code in (404, 405)
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", WITH_CORS)
async def test_an_error_can_be_read_by_the_page(path: str) -> None:
    async with calling(api_key="sesame") as caller:
        answer = await caller.http.post(path, headers={"Origin": PAGE})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_a_page_reads_the_location_of_its_call() -> None:
    async with calling(origins=[PAGE]) as caller:
        answer = await caller.post(headers={"Origin": PAGE})
    assert answer.status_code == 201
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "Location"
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_a_page_that_may_not_use_the_server_gets_no_permission(origin: str) -> None:
    async with calling() as caller:
        preflight = await caller.http.options(CALLS, headers={**WANTED, "Origin": origin})
        post = await caller.post(headers={"Origin": origin})
    assert (preflight.status_code, post.status_code) == (403, 403)
    assert not [name for answer in (preflight, post) for name in answer.headers if name.startswith("access-control-")]


async def test_pages_of_this_machine_may_call_a_server_without_keys() -> None:
    async with calling() as caller:
        answer = await caller.http.options(CALLS, headers={**WANTED, "Origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("asked", ["a" * 1025, "a b", "a,", "ä", "a\tb"])
async def test_names_of_headers_that_no_browser_asks_for_are_not_repeated(asked: str) -> None:
    async with calling(api_key="sesame") as caller:
        headers = httpx.Headers({**WANTED, "Access-Control-Request-Headers": asked}, encoding="latin-1")
        answer = await caller.http.options(CALLS, headers=headers)
    assert answer.status_code == 204
    assert "access-control-allow-headers" not in answer.headers


async def test_a_program_that_sends_no_origin_gets_no_headers_of_this_kind() -> None:
    async with calling() as caller:
        answer = await caller.post()
        options = await caller.http.options(CALLS)
    assert (answer.status_code, options.status_code) == (201, 405)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
