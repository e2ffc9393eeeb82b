"""An application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue import ConnectFailed, converse
from duologue.engines.registry import Engines
from duologue.server import RealtimeApp
from duologue.testing import CountedIds, scripted_app_engines, scripted_engines
from duologue.testing.served import AppInMemory


def memory(**options: object) -> AppInMemory:
    return AppInMemory(RealtimeApp(engines=scripted_app_engines(), new_id=CountedIds(), **options))  # type: ignore[arg-type]


async def test_several_clients_talk_to_it() -> None:
    app = memory()
    async with converse(open_connection=app.connect) as one, converse(open_connection=app.connect) as other:
        assert (await one.ask("Hello")).text == (await other.ask("Hello")).text
    assert [call.session_id for call in app.calls] == ["sess_1", "sess_2"]
    assert not app.app.ready


async def test_what_the_scope_says_reaches_it() -> None:
    app = memory(api_key="a key", models=["m"])
    async with app.transport(model="m", headers={"Authorization": "Bearer a key"}) as transport:
        assert '"session.created"' in str(await transport.receive())
    assert app.calls[0].model == "m"
    async with app.transport(model="other", query={"x": "y"}) as transport:
        assert '"error"' in str(await transport.receive())


async def test_a_refusal_and_a_fault_of_the_application_are_raised() -> None:
    app = memory(origins=["https://good.example"])
    with pytest.raises(ConnectFailed, match="refused the session"):
        async with app.transport(headers={"Origin": "https://bad.example"}):
            pass
    assert app.calls == []

    async def broken(*_: object) -> None:
        raise RuntimeError("broken")

    app.tap._application = broken
    with pytest.raises(RuntimeError, match="broken"):
        async with app.transport():
            pass


async def test_it_can_listen_on_the_same_loop() -> None:
    app = memory()
    async with app.listening() as url, converse(url) as conversation:
        await conversation.ask("Hello")
    assert app.calls[0].turns[0].status == "completed"


async def test_clients_that_come_at_once_load_the_engines_once() -> None:
    loaded: list[str] = []

    @asynccontextmanager
    async def engines() -> AsyncGenerator[Engines, None]:
        loaded.append("begin")
        await asyncio.sleep(0)
        yield scripted_engines()
        loaded.append("end")

    app = AppInMemory(RealtimeApp(engines=engines))

    async def call() -> None:
        async with app.transport() as transport:
            await transport.receive()

    async with asyncio.TaskGroup() as calls:
        for _ in range(3):
            calls.create_task(call())
    assert loaded == ["begin", "end"]
