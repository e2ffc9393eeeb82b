"""The page's files, and who is let in."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import httpx
import pytest

from tests.server._listening import scripted_app

HOME = {"Origin": "http://127.0.0.1:8000"}


@asynccontextmanager
async def client_of(**settings: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of an application in this process."""
    transport = httpx.ASGITransport(scripted_app(**settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def test_every_file_comes_with_its_type_and_a_policy_that_lets_nothing_else_in() -> None:
    names = [each.name for each in (files("duologue.server.talk") / "assets").iterdir() if each.name != "page.html"]
    async with client_of(talk=True) as client:
        for path in ("/talk", "/talk/colours.css", *(f"/talk/{name}" for name in names)):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].split(";")[0] in {"text/html", "text/css", "text/javascript"}
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "microphone=(self)" in answer.headers["permissions-policy"]


async def test_a_server_that_is_not_told_to_has_no_page() -> None:
    async with client_of() as client:
        for path in ("/talk", "/talk/", "/talk/talk.js"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/talk/access")).status_code == 404


async def test_what_is_no_file_of_the_page_is_not_found_and_a_slash_too_many_leads_back() -> None:
    async with client_of(talk=True) as client:
        for path in ("/talk/page.html", "/talk/routes.py", "/talk/..%2froutes.py", "/talk/assets/talk.js"):
            assert (await client.get(path)).status_code == 404
        answer = await client.get("/talk/")
        assert (answer.status_code, answer.headers["location"]) == (308, "../talk")


async def test_without_keys_a_page_of_this_machine_is_let_in() -> None:
    async with client_of(talk=True, models=["gpt-realtime"]) as client:
        answer = await client.post("/talk/access", headers=HOME)
        assert answer.json() == {"needs_key": False, "models": ["gpt-realtime"]}
        refused = await client.post("/talk/access", headers={"Origin": "http://192.0.2.7:8000"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_not_allowed")


async def test_where_keys_are_set_the_page_is_told_to_ask_for_one_and_a_wrong_one_is_refused() -> None:
    async with client_of(talk=True, api_key="sesame") as client:
        assert (await client.post("/talk/access", headers=HOME)).json()["needs_key"] is True
        right = await client.post("/talk/access", headers=HOME | {"Authorization": "Bearer sesame"})
        assert right.json()["needs_key"] is False
        secret = await client.post("/v1/realtime/client_secrets", headers={"Authorization": "Bearer sesame"})
        ephemeral = {"Authorization": f"Bearer {secret.json()['value']}"}
        assert (await client.post("/talk/access", headers=HOME | ephemeral)).json()["needs_key"] is False
        for wrong in ("thyme", "ek_thyme"):
            refused = await client.post("/talk/access", headers=HOME | {"Authorization": f"Bearer {wrong}"})
            assert refused.status_code == 401


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://127.0.0.1.elsewhere.example"])
async def test_pages_of_other_origins_learn_nothing(origin: str) -> None:
    async with client_of(talk=True) as client:
        answer = await client.post("/talk/access", headers={"Origin": origin})
        assert answer.status_code == 403
        assert not [name for name in answer.headers if re.match("access-control", name, re.IGNORECASE)]
