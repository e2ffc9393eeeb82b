"""What a client sends of its own making."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest

from duologue import Toolbox
from duologue.client.messages import audio_bytes, initial_config, new_id, session_config, text_message
from duologue.events import InputTextPart, MessageItem, OutputTextPart, RealtimeSessionConfig


def test_ids_are_random_and_name_their_kind() -> None:
    first, second = new_id("item"), new_id("item")
    assert first.startswith("item_")
    assert first != second


@pytest.mark.parametrize(
    ("role", "kind"), [("user", InputTextPart), ("system", InputTextPart), ("assistant", OutputTextPart)]
)
def test_text_of_the_assistant_is_output(role: str, kind: type[InputTextPart | OutputTextPart]) -> None:
    item = text_message("Hello", role=role).item
    assert isinstance(item, MessageItem)
    assert item.content == [kind(text="Hello")]


def weather(city: str) -> str:
    """The weather in a city."""
    return city


def test_a_session_is_configured_first_with_its_functions_if_there_is_anything_to_configure() -> None:
    config = RealtimeSessionConfig(instructions="Be brief.")
    assert initial_config(None, Toolbox()) is None
    assert initial_config(config, Toolbox()) is config
    [tool] = Toolbox(weather).tools
    assert initial_config(None, Toolbox(weather)) == RealtimeSessionConfig(tools=[tool])
    assert initial_config(config, Toolbox(weather)) == RealtimeSessionConfig(instructions="Be brief.", tools=[tool])


def test_a_session_is_configured_with_a_configuration() -> None:
    config = RealtimeSessionConfig(instructions="Be brief.")
    assert session_config(config) is config
    with pytest.raises(TypeError, match=r"RealtimeSessionConfig\(…\), not with dict"):
        session_config({"instructions": "Be brief."})


def test_audio_is_bytes_of_which_the_caller_may_use_its_buffer_again() -> None:
    buffer = bytearray(b"\0\1")
    kept = audio_bytes(buffer)
    buffer[0] = 7
    assert kept == audio_bytes(memoryview(b"\0\1")) == b"\0\1"


@pytest.mark.parametrize(
    ("audio", "instead"),
    [
        ("Hello", r"not str: words are sent with send_text"),
        (Path("question.wav"), r"not PosixPath: a file is sent with .*read_wav"),
        (array("h", [1, 2]), r"not array: .*array\.tobytes\(\)"),
        ([1, 2], r"not list: samples of 16 bits"),
        (None, r"not NoneType: samples of 16 bits"),
    ],
    ids=["str", "path", "array", "list", "None"],
)
def test_what_is_no_audio_is_rejected_with_what_to_do(audio: Any, instead: str) -> None:
    with pytest.raises(TypeError, match=rf"send_audio takes bytes of audio, {instead}"):
        audio_bytes(audio)
