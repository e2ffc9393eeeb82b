"""What goes well over a WebSocket; what does not is in test_examination.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.doctor._servers import KEY, answering_with_pongs, examined, served, text_frame

pytestmark = pytest.mark.usefixtures("idle_clock")


def created(**session: Any) -> bytes:
    return text_frame(json.dumps({"type": "session.created", "event_id": "e", "session": session}))


async def test_a_greeting_says_the_dialect() -> None:
    async with served(answering_with_pongs(created(type="realtime", audio={"input": {}}))) as port:
        rows = await examined(f"127.0.0.1:{port}/v1/realtime", api_key=KEY, model="m")
    assert "for m, with the key as a bearer token" in rows["websocket"].tried
    assert "session.created came" in rows["first_event"].happened
    assert rows["dialect"].facts["dialect"] == "openai"
    assert "answered after" in rows["keep_alive"].happened


@pytest.mark.parametrize(
    ("dialect", "outcome", "happened"),
    [("openai", "ok", "nothing speaks against OpenAI"), ("openai-beta", "note", "they look like openai")],
)
async def test_a_dialect_that_was_named_is_held_against_the_events(dialect: str, outcome: str, happened: str) -> None:
    async with served(answering_with_pongs(created(type="realtime", audio={"input": {}}))) as port:
        rows = await examined(f"127.0.0.1:{port}", dialect=dialect)
    assert rows["dialect"].outcome == outcome
    assert happened in rows["dialect"].happened


async def test_an_error_that_is_about_no_session_is_an_event() -> None:
    about_less = {"type": "error", "error": {"type": "invalid_request_error", "message": "what is x?", "code": "x"}}
    async with served(answering_with_pongs(text_frame(json.dumps(about_less)))) as port:
        rows = await examined(f"127.0.0.1:{port}")
    assert "what is x?" in rows["first_event"].happened


async def test_a_dialect_without_keys_in_sub_protocols_has_no_browsers() -> None:
    async with served(answering_with_pongs(created())) as port:
        rows = await examined(f"127.0.0.1:{port}", dialect="qwen", api_key=KEY)
    assert rows["browser"].outcome == "skipped"
