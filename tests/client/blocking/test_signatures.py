"""The blocking client has the methods and parameters of the asyncio client, and a `timeout` wherever it waits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import duologue
from duologue import blocking
from duologue.client import Connection, Conversation, client_secret
from duologue.client.live import Delegation, Live, LiveSideband

NO_TIME_LIMIT = {
    "transcript",
    "sideband",
    "fork",
    "to_json",
    "cancel",
    "close",
    "report_played",
    "interrupt",
    "on",
    "play",
    "listen",
    "mark",
}
"""Methods that do not wait for the server, and `close`, which has a limit of its own."""

_OF_LIVE = (
    "start",
    "attach",
    "detach",
    "drain",
    "silence_filled",
    "function_threads",
    "sync_delegation",
    "drops_output",
)

FOR_THE_FACADE = {
    "Connection": {
        *(
            "start",
            "stop",
            "free_slots",
            "messages",
            "audio_messages",
            "append_now",
            "queue",
            "put",
            "deliver_to",
            "pass_through",
        ),
        *("utterance", "is_speech_told", "lacks_model", "awaits_settings", "end_utterance"),
        "played",
    },
    "Live": {*_OF_LIVE},
    "LiveSideband": {*_OF_LIVE},
    "Delegation": set[str](),
    "Conversation": {
        "start",
        "attach",
        "detach",
        "drain",
        "can_put_audio",
        "put_audio",
        "function_threads",
        "recorder",
    },
}
"""What the asyncio classes have for the blocking client, and not for applications."""

PAIRS = [
    pytest.param(Connection, blocking.BlockingConnection, id="Connection"),
    pytest.param(Conversation, blocking.BlockingConversation, id="Conversation"),
    pytest.param(Live, blocking.BlockingLive, id="Live"),
    pytest.param(LiveSideband, blocking.BlockingLiveSideband, id="LiveSideband"),
    pytest.param(Delegation, blocking.BlockingDelegation, id="Delegation"),
]


def public(kind: type[Any]) -> set[str]:
    """Names that applications may use, of an object too."""
    has_core = "Conversation" in kind.__name__ or "Live" in kind.__name__
    return {name for name in dir(kind) if not name.startswith("_")} | ({"core"} if has_core else set())


def parameters(function: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """What a function takes: kinds and defaults by name, but for the time limit."""
    taken = inspect.signature(function).parameters.values()
    return {each.name: (each.kind, each.default) for each in taken if each.name != "timeout"}


@pytest.mark.parametrize(("on_loop", "in_thread"), PAIRS)
def test_both_have_the_same_names(on_loop: type[Any], in_thread: type[Any]) -> None:
    assert public(in_thread) == public(on_loop) - FOR_THE_FACADE[on_loop.__name__]


@pytest.mark.parametrize(("on_loop", "in_thread"), PAIRS)
def test_verbs_take_the_same_parameters_and_those_that_wait_a_time_limit(
    on_loop: type[Any], in_thread: type[Any]
) -> None:
    for name in public(in_thread):
        verb = getattr(in_thread, name, None)
        if not inspect.isfunction(verb):
            continue
        assert parameters(verb) == parameters(getattr(on_loop, name)), name
        assert ("timeout" in inspect.signature(verb).parameters) is (name not in NO_TIME_LIMIT), name


@pytest.mark.parametrize(("on_loop", "in_thread"), PAIRS)
def test_properties_are_properties_of_both(on_loop: type[Any], in_thread: type[Any]) -> None:
    for name in public(in_thread) - {"core"}:
        assert isinstance(getattr(in_thread, name), property) is isinstance(getattr(on_loop, name), property), name


@pytest.mark.parametrize("name", ["connect", "converse", "live", "attach_live", "fork_live"])
def test_both_are_opened_with_the_same_parameters_but_for_the_watchdog(name: str) -> None:
    in_thread, on_loop = parameters(getattr(blocking, name)), parameters(getattr(duologue, name))
    del on_loop["loop_lag_ms"]
    assert list(in_thread.items()) == list(on_loop.items())
    assert inspect.Parameter.VAR_KEYWORD not in {kind for kind, _ in in_thread.values()}


def test_a_client_secret_is_asked_for_with_the_same_parameters() -> None:
    assert parameters(blocking.client_secret) == parameters(client_secret)
