"""What a client sends of its own making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duologue import Toolbox
from duologue.client.messages import check_audio, initial_config, new_id, text_message
from duologue.events import (
    AnySessionConfig,
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    FunctionTool,
    InputTextPart,
    McpServerTool,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
    SessionUpdateEvent,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
)


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
    assert initial_config({"instructions": "Be brief."}, Toolbox()) == config
    [tool] = Toolbox(weather).tools
    assert initial_config(None, Toolbox(weather)) == RealtimeSessionConfig(tools=[tool])
    assert initial_config(config, Toolbox(weather)) == RealtimeSessionConfig(instructions="Be brief.", tools=[tool])


@pytest.mark.parametrize(
    ("audio", "instead"),
    [
        ("Hello", "str: words are sent with send_text"),
        (Path("question.wav"), r"PosixPath: a file .*read_wav"),
        (None, "NoneType: bytes, an array or a Sound"),
        ([0, 1], r"list: .*array\.array"),
    ],
    ids=["str", "path", "nothing", "list"],
)
def test_what_is_no_audio_is_rejected_with_what_to_do(audio: Any, instead: str) -> None:
    check_audio(b"")
    with pytest.raises(TypeError, match=rf"send_audio takes audio, not {instead}"):
        check_audio(audio)


def _transcription(**fields: Any) -> TranscriptionSessionConfig:
    audio_input = TranscriptionSessionAudioInput(transcription=AudioTranscription(**fields))
    return TranscriptionSessionConfig(audio=TranscriptionSessionAudio(input=audio_input))


@pytest.mark.parametrize(
    ("session", "transcription"),
    [
        (None, {"model": "m"}),
        (TranscriptionSessionConfig(), {"model": "m"}),
        (_transcription(language="de"), {"language": "de", "model": "m"}),
        (_transcription(model="mine"), {"model": "mine"}),
        (RealtimeSessionConfig(instructions="x"), {"model": "m"}),
        (RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(transcription=None))), None),
    ],
)
def test_the_model_of_a_transcription_session_is_configured_unless_it_is_already(
    session: AnySessionConfig | None, transcription: dict[str, str] | None
) -> None:
    config = initial_config(session, Toolbox(), transcription_model="m")
    assert config is not None
    written = SessionUpdateEvent(session=config).to_json()["session"]
    assert written["audio"]["input"]["transcription"] == transcription
    assert written["type"] == ("realtime" if isinstance(session, RealtimeSessionConfig) else "transcription")


def test_a_session_that_only_transcribes_has_no_functions() -> None:
    with pytest.raises(TypeError, match="calls no functions"):
        initial_config(TranscriptionSessionConfig(), Toolbox(weather))


def test_tools_of_the_session_are_sent_beside_the_functions_and_not_replaced_by_them() -> None:
    docs = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example.com/mcp"}
    config = initial_config({"tools": [docs]}, Toolbox(weather))
    assert isinstance(config, RealtimeSessionConfig)
    assert isinstance(config.tools, list)
    assert [type(tool) for tool in config.tools] == [McpServerTool, FunctionTool]


def test_a_name_that_is_offered_twice_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="'weather' is among the session's tools and in tools="):
        initial_config({"tools": [{"type": "function", "name": "weather"}]}, Toolbox(weather))
