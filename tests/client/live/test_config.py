"""The configuration of a Live session, with the functions of a program."""

from __future__ import annotations

import pytest

from duologue.client.live.config import check_delegate, fork_config, start_config, to_live_event, to_live_update
from duologue.codec.live import LIVE_CLASSES
from duologue.errors import LocalProtocolError
from duologue.events import ResponseCreateEvent
from duologue.events.live import (
    LiveFunctionTool,
    LiveMcpTool,
    LiveResponsesDelegation,
    LiveSessionConfig,
    LiveSessionUpdate,
    LiveThinkingAppendEvent,
    UnknownLiveEvent,
)
from duologue.protocol.client.tools.toolbox import Toolbox
from tests.client.live._talking import RESPONSES


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def test_functions_are_offered_to_the_responses_model_behind_its_own_tools() -> None:
    own = {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp"}
    session = {"delegation": {"type": "responses", "responses": {"model": "text-1", "tools": [own]}}}
    toolbox = Toolbox(weather, {"type": "mcp", "server_label": "maps", "server_url": "https://example.org/mcp"})
    config = start_config(session, model="gpt-live-1", toolbox=toolbox)
    delegation = config.delegation
    assert isinstance(delegation, LiveResponsesDelegation)
    assert delegation.responses
    (first, function, last) = delegation.responses.tools or []
    assert isinstance(first, LiveMcpTool)
    assert isinstance(last, LiveMcpTool)
    assert isinstance(function, LiveFunctionTool)
    assert (function.name, function.description) == ("weather", "The weather in a city.")
    assert function.parameters["properties"] == {"city": {"type": "string"}}


def test_one_function_is_offered_once() -> None:
    own = {"type": "function", "name": "weather"}
    session = {"delegation": {"type": "responses", "responses": {"model": "text-1", "tools": [own]}}}
    with pytest.raises(ValueError, match="leave one of them out"):
        start_config(session, model="gpt-live-1", toolbox=Toolbox(weather))


def test_a_struct_is_taken_as_it_is() -> None:
    config = LiveSessionConfig(model="gpt-live-1", store=True)
    assert start_config(config, model="gpt-live-1", toolbox=Toolbox()) is not None
    assert start_config(config, model=None, toolbox=Toolbox()) == config


def test_a_vendor_whose_sessions_are_flat_gets_keys_of_realtime() -> None:
    flat = {"turn_detection": {"type": "duplex"}, "voice": "Cherry"}
    config = start_config(flat, model="qwen-audio", toolbox=Toolbox(), is_flat=True)
    assert config.extra["voice"] == "Cherry"


def test_a_fork_may_change_its_format_and_its_responses_model() -> None:
    config = fork_config({"audio": {"format": {"type": "audio/pcma"}}}, toolbox=Toolbox(weather))
    assert isinstance(config.delegation, LiveResponsesDelegation)
    with pytest.raises(LocalProtocolError, match=r"audio\.output: a fork inherits the voice"):
        fork_config({"audio": {"output": {"voice": "marin"}}}, toolbox=Toolbox())
    with pytest.raises(LocalProtocolError, match="of type responses"):
        fork_config({"delegation": {"type": "client"}}, toolbox=Toolbox())


def test_a_delegate_is_for_a_session_that_hands_work_to_the_program() -> None:
    check_delegate(print, LiveSessionConfig())
    with pytest.raises(LocalProtocolError, match="leave one of them out"):
        check_delegate(print, start_config(RESPONSES, model="gpt-live-1", toolbox=Toolbox()))


def test_an_update_is_read_as_the_wire_would_be() -> None:
    assert to_live_update({"triggers": []}) == LiveSessionUpdate(triggers=[])
    assert to_live_update(LiveSessionUpdate()) == LiveSessionUpdate()
    with pytest.raises(LocalProtocolError, match=r"session\.triggers: it must be a list"):
        to_live_update({"triggers": 3})


def test_a_command_is_read_from_a_mapping_and_one_of_an_unknown_type_is_kept() -> None:
    append = {"type": "session.thinking.append", "delegation_id": None, "content": "x"}
    assert to_live_event(append) == LiveThinkingAppendEvent(delegation_id=None, content="x")
    unknown = to_live_event({"type": "session.kugel.wave"})
    assert isinstance(unknown, UnknownLiveEvent)
    assert "session.kugel.wave" not in LIVE_CLASSES
    with pytest.raises(LocalProtocolError, match="an event needs one"):
        to_live_event({})
    with pytest.raises(LocalProtocolError, match="content: it is missing"):
        to_live_event({"type": "session.thinking.append", "delegation_id": None})
    with pytest.raises(TypeError, match="of Realtime"):
        to_live_event(ResponseCreateEvent())  # type: ignore[arg-type]
