"""Mappings in the place of structs: what they become, and what a wrong one says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from duologue import Toolbox, encode
from duologue.client.mappings import to_event, to_item, to_response, to_session, to_tool
from duologue.errors import LocalProtocolError
from duologue.events import (
    UNSET,
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    FunctionTool,
    InputAudioBufferClearEvent,
    InputTextPart,
    MessageItem,
    PcmuAudioFormat,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseCreateParams,
    SemanticVad,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
    UnknownRealtimeEvent,
    UnknownSession,
    UnknownTool,
)


def test_structs_come_back_as_they_are() -> None:
    session, event, response = RealtimeSessionConfig(), InputAudioBufferClearEvent(), ResponseCreateEvent()
    item, tool = MessageItem(role="user", content=[]), FunctionTool(name="weather")
    assert to_session(session) is session
    assert to_event(event) is event
    assert to_response(response) is response
    assert to_item(item) is item
    assert to_tool(tool) is tool
    assert to_response(None) is None


def test_a_session_without_a_type_is_the_one_that_the_struct_would_be() -> None:
    assert to_session({"instructions": "Be brief."}) == RealtimeSessionConfig(instructions="Be brief.")
    assert to_session({}) == RealtimeSessionConfig()
    assert isinstance(to_session({"audio": {}}, kind="transcription"), TranscriptionSessionConfig)
    assert isinstance(to_session({"type": "transcription"}), TranscriptionSessionConfig)
    sent = to_event({"type": "session.update", "session": {"instructions": "Be brief."}})
    assert sent == SessionUpdateEvent(session=RealtimeSessionConfig(instructions="Be brief."))


def test_a_session_in_the_flat_form_of_the_beta_protocol_means_what_it_meant_there() -> None:
    flat = {"modalities": ["text"], "voice": "alloy", "input_audio_format": "g711_ulaw", "turn_detection": None}
    assert to_session(flat) == RealtimeSessionConfig(
        output_modalities=["text"],
        audio=AudioConfig(
            input=AudioInputConfig(format=PcmuAudioFormat(), turn_detection=None),
            output=AudioOutputConfig(voice="alloy"),
        ),
    )


def test_keys_that_no_class_has_are_sent_as_they_are_at_any_depth() -> None:
    mapping = {"type": "realtime", "seed": 7, "audio": {"input": {"gain": {"db": 3}, "turn_detection": None}}}
    event = to_event({"type": "session.update", "session": mapping, "trace": "x"})
    assert event.to_json() == {"type": "session.update", "session": mapping, "trace": "x"}


def test_structs_tuples_and_absent_values_may_stand_inside_a_mapping() -> None:
    config = to_session(
        MappingProxyType(
            {
                "audio": {"input": {"turn_detection": SemanticVad(eagerness="low")}, "output": UNSET},
                "tools": (FunctionTool(name="weather"), {"type": "function", "name": "remind"}),
            }
        )
    )
    assert config == RealtimeSessionConfig(
        audio=AudioConfig(input=AudioInputConfig(turn_detection=SemanticVad(eagerness="low"))),
        tools=[FunctionTool(name="weather"), FunctionTool(name="remind")],
    )


def test_an_event_of_an_unknown_type_is_sent_as_it_is() -> None:
    event = to_event({"type": "vendor.think", "depth": 3})
    assert isinstance(event, UnknownRealtimeEvent)
    assert encode(event) == b'{"type":"vendor.think","depth":3}'
    assert isinstance(to_session({"type": "vendor_session", "depth": 3}), UnknownSession)
    assert isinstance(to_tool({"type": "web_search"}), UnknownTool)


@pytest.mark.parametrize(
    "response",
    [
        {"instructions": "Greet."},
        {"response": {"instructions": "Greet."}},
        {"type": "response.create", "response": {"instructions": "Greet."}},
        ResponseCreateParams(instructions="Greet."),
    ],
)
def test_a_response_is_asked_for_by_its_settings_or_by_the_whole_event(
    response: Mapping[str, Any] | ResponseCreateParams,
) -> None:
    assert to_response(response) == ResponseCreateEvent(response=ResponseCreateParams(instructions="Greet."))


def test_an_item_is_read_with_its_parts() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    assert to_item(item) == MessageItem(role="user", content=[InputTextPart(text="Hello")])


def test_the_mapping_may_change_afterwards() -> None:
    mapping: dict[str, Any] = {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}
    config = to_session(mapping)
    mapping["tools"][0]["parameters"]["type"] = "array"
    assert isinstance(config, RealtimeSessionConfig)
    assert config.tools == [FunctionTool(name="f", parameters={"type": "object"})]


_VAD = {"type": "server_vad", "threshold": "high"}


@pytest.mark.parametrize(
    ("read", "mapping", "sentence"),
    [
        (
            to_session,
            {"audio": {"input": {"turn_detection": _VAD}}},
            "session.audio.input.turn_detection.threshold: it must be int or float or None, not str",
        ),
        (to_session, {"turn_detection": _VAD}, "session.audio.input.turn_detection.threshold: it must be"),
        (to_session, {"instructions": ["Be brief."]}, "session.instructions: it must be str or None, not a list"),
        (to_session, {"instructions": b"Be brief."}, "session.instructions: bytes is not a type of JSON"),
        (to_session, {"tools": [{"type": "function", "name": 3}]}, r"session.tools\[0\].name: it must be"),
        (to_session, {"tools": [max]}, r"session.tools\[0\]: builtin_function_or_method is not a type of JSON"),
        (to_session, {"audio": {"output": {"speed": float("nan")}}}, "session.audio.output.speed: nan is not"),
        (to_session, {"type": 5}, "session.type: it must be"),
        (to_session, {3: "x"}, "session: a key is a string, not int"),
        (to_response, {"metadata": {"a": "x", "b": 1}}, "response.metadata.b: it must be str, not int"),
        (to_response, {"type": "response.cancel"}, 'type: "response.create" asks for a response'),
        (to_response, {"response": 3}, "response: it must be a mapping or None, not int"),
        (to_item, {"type": "message", "role": "user", "content": "Hi"}, "item.content: it must be a list, not str"),
        (to_item, {"type": "message", "role": "user", "content": [{"type": "input_text"}]}, r"item.content\[0\].text"),
        (to_item, {"role": "user", "content": []}, "item.type: it is missing"),
        (to_event, {"type": "session.update"}, "session: it is missing"),
        (to_event, {"type": "input_audio_buffer.append", "audio": b"RIFF"}, "audio: bytes is not a type of JSON"),
        (to_event, {"session": {}}, "type: an event needs one"),
        (to_tool, {"type": "mcp"}, r"session.tools\[0\].server_label: it is missing"),
    ],
)
def test_a_wrong_mapping_fails_at_once_and_names_the_place(
    read: Callable[[Any], object], mapping: dict[Any, Any], sentence: str
) -> None:
    with pytest.raises(LocalProtocolError, match=f"^{sentence}"):
        read(mapping)


def test_the_text_of_a_wrong_mapping_is_not_quoted() -> None:
    with pytest.raises(LocalProtocolError) as raised:
        to_session({"instructions": 5, "prompt": {"id": "secret words"}})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("read", [to_event, to_session, to_response, to_item, to_tool])
def test_what_is_neither_a_struct_nor_a_mapping_is_a_type_error(read: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"is a struct of duologue\.events or a mapping, not list"):
        read([])


def test_the_tools_of_a_toolbox_may_stand_in_a_mapping() -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    tools = Toolbox(weather).tools
    assert to_session({"tools": tools}) == RealtimeSessionConfig(tools=list(tools))
