"""Every command of the official SDK's Live client: the server carries it out, or refuses it with a published code."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final, NamedTuple

import pytest
from openai.resources.live.forks import AsyncForksConnection
from openai.resources.live.live import AsyncLiveConnection
from openai.resources.live.sideband import AsyncSidebandConnection

from duologue import catalogue
from duologue.events.base import encode_audio
from tests.compat._live_sdk import Endpoint, LiveSdk, live_sdk
from tests.compat._talkative import scripted
from tests.server._engines import LOUD
from tests.server._listening import listening

pytestmark = pytest.mark.timeout(60)

CONNECTIONS: Final[dict[Endpoint, type]] = {
    "primary": AsyncLiveConnection,
    "sideband": AsyncSidebandConnection,
    "fork": AsyncForksConnection,
}

TOOL: Final = {"type": "function", "name": "track", "parameters": {"type": "object", "properties": {}}}
CLIENT: Final[dict[str, Any]] = {"model": "gpt-live-1", "delegation": {"type": "client"}}
RESPONSES: Final[dict[str, Any]] = {
    "model": "gpt-live-1",
    "delegation": {"type": "responses", "responses": {"model": "gpt-5", "tools": [TOOL]}},
}


class Row(NamedTuple):
    """A call of one of the SDK's methods, and how it is answered: by an event, by an error's code, or not at all."""

    path: str
    arguments: dict[str, Any]
    event: str | None = None
    error: str | None = None


CONTENT: Final = {"content": "The parcel comes.", "delegation_id": None}
TYPED: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
LONG: Final = {**TYPED, "content": [{"type": "input_text", "text": "x" * 40_000}]}
CLIP: Final = encode_audio(LOUD * 40)
OUTPUT: Final = {"type": "function_call_output", "call_id": "call_1", "output": "{}"}
EVERYWHERE: Final = (
    Row("session.update", {"session": {"triggers": []}}, event="session.updated"),
    Row("session.update", {"session": {"delegation": RESPONSES["delegation"]}}, error="immutable_field_update"),
    Row("session.input_audio.mute", {}, event="session.input_audio.muted"),
    Row("session.input_audio.unmute", {}, event="session.input_audio.unmuted"),
    *(
        Row(f"session.{kind}.append", CONTENT, event=f"session.{kind}.appended")
        for kind in ("instructions", "thinking", "commentary")
    ),
    Row("session.commentary.append", {**CONTENT, "delegation_id": "item_0"}, error="invalid_value"),
    Row("session.instructions.append", {**CONTENT, "content": "word " * 2000}, error="invalid_value"),
    Row("session.output_audio.fixture.play", {"audio": CLIP}, event="session.output_audio.fixture.played"),
    Row("session.output_audio.fixture.play", {"audio": encode_audio(b"odd")}, error="invalid_audio"),
    Row("session.output_audio.fixture.play", {"audio": "no base64"}, error="invalid_audio"),
    Row("session.output_audio.fixture.play", {"audio": encode_audio(bytes(48 * 30_001))}, error="invalid_audio"),
    Row("response.create", {}, error="invalid_value"),
    Row("response.item.create", {"item": TYPED}, error="invalid_value"),
    Row("decision.create", {}, error="invalid_value"),
    Row("decision.item.create", {"item": {"role": "user", "content": "gold"}}, error="invalid_value"),
    Row("decision.item.delete", {"item_id": "item_1"}, error="invalid_value"),
)
SOUND: Final = (
    Row("session.start", {"session": {"model": "gpt-live-1"}}, error="invalid_value"),
    Row("session.input_audio.append", {"audio": CLIP}),
    Row("session.input_audio.append", {"audio": encode_audio(b"odd")}, error="invalid_audio"),
)
TELEPHONE: Final = Row("transport.dtmf.send", {"event": "5"}, error="invalid_value")
END: Final = Row("session.close", {}, event="session.closed")
WITH_RESPONSES: Final = (
    Row("session.update", {"session": {"delegation": RESPONSES["delegation"]}}, event="session.updated"),
    Row("session.update", {"session": {"delegation": {"type": "client"}}}, error="immutable_field_update"),
    Row("session.thinking.append", {**CONTENT, "delegation_id": "item_0"}, error="invalid_value"),
    Row("response.item.create", {"item": TYPED}),
    Row("response.item.create", {"item": OUTPUT}, error="invalid_value"),
    Row("response.item.create", {"item": LONG}, error="response_input_buffer_full"),
    Row("response.create", {}, event="session.delegation.created"),
    END,
)
CLIENT_ROWS: Final[dict[Endpoint, tuple[Row, ...]]] = {
    "primary": (*EVERYWHERE, *SOUND, END),
    "sideband": (*EVERYWHERE, TELEPHONE, END),
    "fork": (*EVERYWHERE[:3], *SOUND, END),
}


def methods(resource: type, path: str = "") -> Iterator[str]:
    """The paths of all methods below a connection of the SDK that send a command."""
    parts = inspect.get_annotations(resource, eval_str=False)
    for name, member in inspect.getmembers(resource):
        if isinstance(member, cached_property) or hasattr(member, "attrname"):
            returned = inspect.get_annotations(member.func)["return"]
            yield from methods(getattr(inspect.getmodule(resource), returned), f"{path}{name}.")
        elif path and not name.startswith("_"):
            yield f"{path}{name}"
    if not path:
        for name in ("session", "decision", "response", "transport"):
            if name in parts:
                yield from methods(getattr(inspect.getmodule(resource), parts[name]), f"{name}.")


@pytest.mark.parametrize("endpoint", ["primary", "sideband"])
def test_no_method_of_the_sdk_is_left_out(endpoint: Endpoint) -> None:
    assert {row.path for row in CLIENT_ROWS[endpoint]} == set(methods(CONNECTIONS[endpoint]))


def test_no_command_of_the_catalogue_is_left_out() -> None:
    commands = {entry.wire for entry in catalogue.events() if (entry.api, entry.direction) == ("live", "client")}
    assert {row.path for rows in CLIENT_ROWS.values() for row in rows} == commands


@pytest.mark.parametrize("endpoint", CLIENT_ROWS)
async def test_a_command_is_carried_out_or_refused_with_a_published_code(endpoint: Endpoint) -> None:
    async with opened(endpoint, CLIENT) as sdk:
        for row in CLIENT_ROWS[endpoint]:
            await check(sdk, row)


@pytest.mark.parametrize("endpoint", ["primary", "sideband"])
async def test_so_is_one_in_a_session_with_a_responses_model(endpoint: Endpoint) -> None:
    async with opened(endpoint, RESPONSES) as sdk:
        for row in WITH_RESPONSES:
            await check(sdk, row)


@asynccontextmanager
async def opened(endpoint: Endpoint, session: dict[str, Any]) -> AsyncGenerator[LiveSdk, None]:
    """A session that runs, with silence for as long as a test may take, seen from one kind of connection."""
    async with listening(scripted()) as url, live_sdk(url, "async") as primary:
        started = await primary.start(**session, store=True)
        if endpoint == "fork":
            await primary.close()
        else:
            await primary.send_audio(b"", silence_ms=25_000)
        if endpoint == "primary":
            yield primary
            return
        async with live_sdk(url, "async", endpoint, session_id=started.session.id) as other:
            if endpoint == "fork":
                await other.start()
                await other.send_audio(b"", silence_ms=25_000)
            else:
                await other.until("session.started")
            yield other
        if endpoint == "sideband":
            await primary.until("session.closed")  # the SDK reads a close only behind what came before it


async def check(sdk: LiveSdk, row: Row) -> None:
    """Send the command and compare what answers it. A second command shows that nothing does."""
    await sdk.call(row.path, **row.arguments, event_id="mine")
    if row.event is not None:
        await sdk.until(row.event)
        return
    await sdk.call("session.input_audio.mute", event_id="next")
    *before, muted = await sdk.until("session.input_audio.muted")
    assert muted.client_event_id == "next"
    errors = [event.error for event in before if event.type == "error"]
    assert [error.code for error in errors] == ([] if row.error is None else [row.error]), row
    assert all(error.client_event_id == "mine" for error in errors), row
