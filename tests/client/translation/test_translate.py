"""Opening a translation: what is refused, and how."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import duologue
from duologue.errors import (
    AuthenticationFailed,
    ConnectFailed,
    DuologueError,
    LocalProtocolError,
    ModelNotFound,
    RequestRejected,
)
from duologue.testing import Close, Expect, ScriptedServer, ScriptStep, Send
from duologue.transports import memory_pair
from tests.client._waiting import tasks_since
from tests.client.translation._servers import CLOSED, CREATED, MODEL, error, ours, script

pytestmark = pytest.mark.timeout(30)


async def opened(url: str = "", **settings: Any) -> None:
    """Open a translation, and end it. Leaves no task."""
    before = asyncio.all_tasks()
    try:
        async with asyncio.timeout(10), duologue.translate(url, **settings):
            pass
    finally:
        assert not await tasks_since(before)


async def test_the_base_url_is_enough_and_the_model_is_the_hosted_one() -> None:
    async with ours() as url, duologue.translate(url.removesuffix("/v1/realtime")) as translation:
        assert translation.session is not None
        assert translation.session.model == MODEL


async def test_a_configuration_is_in_force_when_the_block_begins() -> None:
    async with ours() as url, duologue.translate(url, language="pt-BR", transcription="w") as translation:
        assert translation.session is not None
        told = translation.session.audio
    assert (told.output.language, told.input.transcription.model) == ("pt-BR", "w")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([Send(error("invalid_api_key", "Incorrect API key provided.")), Close(3000)], AuthenticationFailed),
        ([Send(error("invalid_model", "No such model.")), Close(4000)], ModelNotFound),
        ([Close(1008, "policy")], ConnectFailed),
        ([Send(error("server_overloaded", "Later."))], ConnectFailed),
        ([Send(CREATED), Expect("session.update"), Close(1011)], ConnectFailed),
        ([Send(CREATED), Expect("session.update"), Send(error("invalid_value", "No.", param="x"))], RequestRejected),
    ],
    ids=["key", "model", "policy", "overloaded", "closed", "an error that names no update"],
)
async def test_a_server_that_refuses_is_an_error_of_its_kind(
    steps: Sequence[ScriptStep], kind: type[DuologueError]
) -> None:
    server = ScriptedServer(steps)
    async with server.listening() as url:
        with pytest.raises(kind) as caught:
            await opened(url, language="es")
    assert type(caught.value) is kind


async def test_our_server_refuses_with_the_kinds_of_converse() -> None:
    async with ours(api_key="sesame") as url:
        with pytest.raises(AuthenticationFailed):
            await opened(url, api_key="wrong")
        with pytest.raises(ModelNotFound):
            await opened(url, api_key="sesame", model="gpt-realtime")
        with pytest.raises(RequestRejected, match="language tag") as caught:
            await opened(url, api_key="sesame", language="not a tag")
        assert caught.value.error is not None


async def test_a_server_that_never_greets_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.client.translation.session._GREETING_S", 0.05)
    async with ScriptedServer([]).listening() as url:
        with pytest.raises(ConnectFailed, match="has not greeted"):
            await opened(url)


async def test_a_server_of_another_kind_is_no_translation_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.client.translation.session._GREETING_S", 0.05)
    realtime = {"type": "session.created", "session": {"type": "realtime", "id": "s", "model": "m"}}
    async with ScriptedServer([Send(realtime)]).listening() as url:
        with pytest.raises(ConnectFailed):
            await opened(url)


async def test_a_server_that_answers_no_configuration_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("duologue.client.translation.session.UPDATE_S", 0.05)
    async with ScriptedServer([Send(CREATED)]).listening() as url:
        with pytest.raises(ConnectFailed, match="has not answered the session's configuration"):
            await opened(url, language="es")


async def test_no_server_is_a_failed_connection() -> None:
    with pytest.raises(ConnectFailed) as caught:
        await opened("ws://127.0.0.1:1")
    assert caught.value.retryable


async def test_without_a_url_it_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"translate\(\) needs the URL"):
        await opened()


async def test_settings_are_given_once() -> None:
    with pytest.raises(LocalProtocolError, match="not both"):
        await opened("ws://127.0.0.1:1", session={}, language="es")


async def test_a_transport_is_used_as_it_is() -> None:
    near, far = memory_pair()
    await far.send(
        '{"type":"session.created","event_id":"e","session":{"id":"s","type":"translation","model":"m",'
        '"expires_at":1,"audio":{}}}'
    )
    async with asyncio.timeout(5):
        async with duologue.translate(transport=near):
            await far.send('{"type":"session.closed","event_id":"e"}')


async def test_what_is_sent_is_the_configuration_and_the_close() -> None:
    server = script(Expect("session.close"), Send(CLOSED), Close())
    async with server.listening() as url:
        await opened(url, language="es", transcription="w", noise_reduction=None)
    [update, close] = server.received[0]
    assert update["session"] == {
        "audio": {"input": {"transcription": {"model": "w"}, "noise_reduction": None}, "output": {"language": "es"}}
    }
    assert close == {"type": "session.close"}
