"""Every command of the official SDK's Live client: the server carries it out, or refuses it with a published code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
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
    session: dict[str, Any] = CLIENT
    event: str | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        answer = self.event or self.error or "nothing"
        return f"{self.path}-{self.session['delegation']['type']}-{answer}"


CONTENT: Final = {"content": "The parcel comes.", "delegation_id": None}
TYPED: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
OUTPUT: Final = {"type": "function_call_output", "call_id": "call_1", "output": "{}"}
EVERYWHERE: Final = (
    Row("session.update", {"session": {"triggers": []}}, event="session.updated"),
    Row("session.update", {"session": {"delegation": RESPONSES["delegation"]}}, error="immutable_field_update"),
    Row("session.update", {"session": {"delegation": RESPONSES["delegation"]}}, RESPONSES, event="session.updated"),
    Row("session.input_audio.mute", {}, event="session.input_audio.muted"),
    Row("session.input_audio.unmute", {}, event="session.input_audio.unmuted"),
    *(
        Row(f"session.{kind}.append", CONTENT, event=f"session.{kind}.appended")
        for kind in ("instructions", "thinking", "commentary")
    ),
    Row("session.commentary.append", {**CONTENT, "delegation_id": "item_0"}, error="invalid_value"),
    Row("session.thinking.append", {**CONTENT, "delegation_id": "item_0"}, RESPONSES, error="invalid_value"),
    Row("session.instructions.append", {**CONTENT, "content": "word " * 2000}, error="invalid_value"),
    Row(
        "session.output_audio.fixture.play",
        {"audio": encode_audio(LOUD * 40)},
        event="session.output_audio.fixture.played",
    ),
    Row("session.output_audio.fixture.play", {"audio": encode_audio(b"odd")}, error="invalid_audio"),
    Row("session.output_audio.fixture.play", {"audio": "no base64"}, error="invalid_audio"),
    Row("session.output_audio.fixture.play", {"audio": encode_audio(bytes(48 * 30_001))}, error="invalid_audio"),
    Row("response.create", {}, error="invalid_value"),
    Row("response.create", {}, RESPONSES, event="session.delegation.created"),
    Row("response.item.create", {"item": TYPED}, error="invalid_value"),
    Row("response.item.create", {"item": TYPED}, RESPONSES),
    Row("response.item.create", {"item": OUTPUT}, RESPONSES, error="invalid_value"),
    Row(
        "response.item.create",
        {"item": {**TYPED, "content": [{"type": "input_text", "text": "x" * 40_000}]}},
        RESPONSES,
        error="response_input_buffer_full",
    ),
    Row("decision.create", {}, error="invalid_value"),
    Row("decision.item.create", {"item": {"role": "user", "content": "gold"}}, error="invalid_value"),
    Row("decision.item.delete", {"item_id": "item_1"}, error="invalid_value"),
    Row("session.close", {}, event="session.closed"),
)
SOUND: Final = (
    Row("session.start", {"session": {"model": "gpt-live-1"}}, error="invalid_value"),
    Row("session.input_audio.append", {"audio": encode_audio(LOUD * 20)}),
    Row("session.input_audio.append", {"audio": encode_audio(b"odd")}, error="invalid_audio"),
)
ROWS: Final[dict[Endpoint, tuple[Row, ...]]] = {
    "primary": (*EVERYWHERE, *SOUND),
    "sideband": (*EVERYWHERE, Row("transport.dtmf.send", {"event": "5"}, error="invalid_value")),
    "fork": (*EVERYWHERE[:3], *SOUND[1:]),
}
CASES: Final = [
    pytest.param(endpoint, row, id=f"{endpoint}-{number}-{row.name}")
    for endpoint, rows in ROWS.items()
    for number, row in enumerate(rows)
]


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
    assert {row.path for row in ROWS[endpoint]} == set(methods(CONNECTIONS[endpoint]))


def test_no_command_of_the_catalogue_is_left_out() -> None:
    commands = {entry.wire for entry in catalogue.events() if (entry.api, entry.direction) == ("live", "client")}
    assert {row.path for rows in ROWS.values() for row in rows} == commands


@pytest.mark.parametrize(("endpoint", "row"), CASES)
async def test_a_command_is_carried_out_or_refused_with_a_published_code(endpoint: Endpoint, row: Row) -> None:
    async with listening(scripted()) as url, live_sdk(url, "async") as primary:
        started = await primary.start(**row.session, store=True)
        await primary.send_audio(b"", silence_ms=8000)
        if endpoint == "primary":
            await answered(primary, row)
            return
        if endpoint == "sideband":
            async with live_sdk(url, "async", endpoint, session_id=started.session.id) as sideband:
                await sideband.until("session.started")
                await answered(sideband, row)
            return
        await primary.close()
        async with live_sdk(url, "async", endpoint, session_id=started.session.id) as fork:
            await fork.start()
            await fork.send_audio(b"", silence_ms=8000)
            await answered(fork, row)


async def answered(sdk: LiveSdk, row: Row) -> None:
    """Send the command and compare what answers it. A second command shows that nothing does."""
    await sdk.call(row.path, **row.arguments, event_id="mine")
    if row.event is not None:
        await sdk.until(row.event)
        return
    await sdk.call("session.input_audio.mute", event_id="next")
    *before, muted = await sdk.until("session.input_audio.muted")
    assert muted.client_event_id == "next"
    errors = [event for event in before if event.type == "error"]
    assert [error.error.code for error in errors] == ([] if row.error is None else [row.error])
    assert all({error.client_event_id, error.error.client_event_id} == {"mine"} for error in errors)
