"""Starting a Live session: what a server refuses, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

import duologue
from duologue.client.endpoint import Endpoint
from duologue.errors import (
    AuthenticationFailed,
    ConnectFailed,
    DuologueError,
    LocalProtocolError,
    ModelNotFound,
    RequestRejected,
)
from duologue.protocol.live.client.options import LiveOptions
from duologue.testing import Close, Drop, Expect, ScriptedServer, ScriptStep, Send
from tests.client._waiting import no_task_left
from tests.client.live._talking import RESPONSES, error, serving, talking


@pytest.mark.parametrize(
    ("told", "kind", "words", "retryable"),
    [
        (error(code="invalid_api_key", message="Incorrect API key."), AuthenticationFailed, "does not accept", False),
        (error(code="invalid_model", message="No model x."), ModelNotFound, "no such model", False),
        (error(code="credit_balance_exhausted", message="No credit."), ConnectFailed, "No credit.", False),
        (error(code="rate_limit_exceeded", message="Too many."), ConnectFailed, "Too many.", True),
        (error(code="server_error", message="Try later."), ConnectFailed, "Try later.", True),
        (error(code="unknown_parameter", param="session.foo", message="No foo."), RequestRejected, "No foo.", None),
        ({"type": "error", "error": {"message": "Something."}}, RequestRejected, "Something.", None),
    ],
)
async def test_every_error_before_the_start_answers_it(
    told: dict[str, Any], kind: type[DuologueError], words: str, retryable: bool | None
) -> None:
    server = ScriptedServer([Expect("session.start"), Send(told), Drop()])
    with pytest.raises(kind, match=words) as refused:
        async with talking(server):
            raise AssertionError("it does not begin")
    assert getattr(refused.value, "retryable", None) is retryable
    event = getattr(refused.value, "error", None)
    assert isinstance(event, duologue.events.ErrorEvent)
    assert event.error.message == told["error"]["message"]


async def test_an_error_of_the_start_is_raised_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = ScriptedServer([Expect("session.start"), Send(error()), Close(1000)])
    with pytest.raises(RequestRejected):
        async with talking(server):
            pass
    assert "reports an error" not in caplog.text


async def test_a_connection_that_closes_before_the_start_is_a_failure_to_connect() -> None:
    server = ScriptedServer([Expect("session.start"), Close(1013, "try again later")])
    with pytest.raises(ConnectFailed, match="try again later") as failed:
        async with talking(server):
            pass
    assert failed.value.retryable


async def test_a_server_that_never_answers_is_given_up() -> None:
    server = ScriptedServer([Expect("session.start")])
    with pytest.raises(ConnectFailed, match=r"did not send session\.started in time") as failed:
        async with talking(server, options=LiveOptions(start_within_s=0.0)):
            pass
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"model": None}, LocalProtocolError, "names its model"),
        ({"session": {"model": "other"}}, ValueError, "leave one of them out"),
        ({"session": {"instructions": 3}}, LocalProtocolError, "session.instructions: it must be str or None"),
        ({"session": {"turn_detection": None}}, LocalProtocolError, "Live has no turns"),
        ({"session": {"voice": "marin"}}, LocalProtocolError, r"it is audio\.output\.voice"),
        ({"session": {"type": "realtime"}}, LocalProtocolError, "a session of Realtime"),
        ({"session": duologue.events.RealtimeSessionConfig()}, TypeError, "a session of Realtime"),
        ({"session": "brief"}, TypeError, "a mapping, not str"),
        ({"session": {"idle_timeout_s": 30}}, LocalProtocolError, "only sessions over WebRTC pause"),
        ({"session": {"input": [{"role": "user", "content": []}] * 129}}, LocalProtocolError, "128 earlier messages"),
        (
            {"session": {"audio": {"format": {"type": "audio/pcm", "rate": 48000}}}},
            LocalProtocolError,
            "16000 or 24000",
        ),
        ({"tools": [len]}, TypeError, "annotation"),
        ({"tools": [{"type": "function", "name": "f"}]}, LocalProtocolError, "name it with"),
        ({"session": {"delegation": {"type": "responses", "responses": {}}}}, LocalProtocolError, "it is missing"),
        ({"session": RESPONSES, "on_delegation": print}, LocalProtocolError, "leave one of them out"),
        ({"on_delegation": "me"}, TypeError, "is a function"),
        ({"dialect": "openai"}, ValueError, "no dialect 'openai' of Live; known: auto, openai-live"),
    ],
)
async def test_what_no_server_takes_is_refused_before_anything_is_sent(
    options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    server = serving()
    with pytest.raises(kind, match=words):
        async with talking(server, **options):
            raise AssertionError("it does not begin")
    assert server.received == []


async def test_settings_that_the_class_lacks_are_sent_for_the_server_to_judge() -> None:
    server = serving()
    async with talking(server, session={"kugel": {"tools": [1]}, "context_management": {"x": None}}):
        pass
    assert server.received[0][0]["session"]["kugel"] == {"tools": [1]}
    assert server.received[0][0]["session"]["context_management"] == {"x": None}


async def test_a_url_or_a_connection_is_needed() -> None:
    with pytest.raises(TypeError, match=r"live\(\) needs the URL"):
        async with duologue.live(model="m"):
            pass
    with pytest.raises(TypeError, match=r"attach_live\(\) needs the URL"):
        async with duologue.attach_live("", "live_1"):
            pass


async def test_an_endpoint_stands_for_its_parts() -> None:
    server = serving()
    async with server.listening() as url, no_task_left(), duologue.live(Endpoint(url=url, model="m")) as live:
        assert live.session is not None
    assert server.received[0][0]["session"] == {"model": "m"}
    with pytest.raises(TypeError, match="not both"):
        async with duologue.live(Endpoint(url="localhost"), model="m"):
            pass


async def test_nothing_listens_there() -> None:
    with pytest.raises(ConnectFailed):
        async with duologue.live("ws://127.0.0.1:9", model="m"):
            pass


async def test_a_vendor_that_speaks_first_is_waited_for_and_has_formats_of_its_own() -> None:
    server = ScriptedServer(
        [
            Send({"type": "session.created", "session": {}}),
            Expect("session.update"),
            Send({"type": "session.updated", "session": {"id": "live_1", "voice": "Cherry"}}),
            Expect("session.close"),
            Send({"type": "session.closed"}),
            Close(),
        ]
    )
    options = {
        "dialect": "qwen-audio-live",
        "session": {"audio": {"output": {"voice": "Cherry"}}},
        "model": "qwen-audio-3.1-live",
    }
    async with talking(server, **options) as live:
        assert (live.core.encoding.rate_hz, live.core.output_encoding.rate_hz) == (16_000, 24_000)
    assert server.received[0][0]["session"]["voice"] == "Cherry"
    assert live.outcome is not None
    assert live.outcome.finalised


@pytest.mark.parametrize(("script", "words"), [((), "the server says nothing"), ((Close(1013, "busy"),), "busy")])
async def test_a_vendor_that_should_speak_first_and_does_not_is_given_up(
    script: tuple[ScriptStep, ...], words: str
) -> None:
    options = {"dialect": "qwen-audio-live", "options": LiveOptions(start_within_s=0.01)}
    with pytest.raises(ConnectFailed, match=words) as failed:
        async with talking(ScriptedServer([*script, *[Expect("nothing")] * (not script)]), **options):
            pass
    assert failed.value.retryable
