"""A response's own settings, and the session's."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import (
    ResponseAudioDeltaEvent,
)
from duologue.protocol import Respond
from duologue.testing import Pair
from tests.protocol._wire import (
    create,
    invalid,
    respond,
    types,
    update,
    user_text,
)


@pytest.mark.parametrize("format_type", ["audio/pcmu", "audio/pcma"])
def test_a_response_may_have_a_voice_and_a_format_of_its_own(pair: Pair, format_type: str) -> None:
    pair.send(respond(audio={"output": {"format": {"type": format_type}, "voice": "marin"}}))
    command = pair.take(Respond)
    assert (command.encoding.type, command.voice) == (format_type, "marin")
    deltas = [event for event in pair.synthesizes(bytes(3200)) if isinstance(event, ResponseAudioDeltaEvent)]
    assert [len(delta.decode_audio()) for delta in deltas] == [1600, 1600]


def test_the_engines_get_all_that_the_client_configured(pair: Pair) -> None:
    pair.send(
        update(instructions="Be brief.", max_output_tokens=77, audio={"output": {"voice": "cedar", "speed": 1.5}}),
        create(user_text("hi")),
        respond(),
    )
    command = pair.take(Respond)
    assert (command.instructions, command.max_output_tokens, command.voice, command.speed) == (
        "Be brief.",
        77,
        "cedar",
        1.5,
    )
    assert (command.speak, command.turn, command.model) == (True, 0, "duologue")
    pair.finishes()
    pair.send(respond(instructions="Sing.", output_modalities=["text"], max_output_tokens="inf"))
    command = pair.take(Respond)
    assert (command.instructions, command.max_output_tokens, command.speak, command.turn) == ("Sing.", None, False, 1)


def test_input_replaces_the_conversation_as_context(pair: Pair) -> None:
    pair.send(create(user_text("one")), create(user_text("two")), create(user_text("three")))
    given = [{"type": "item_reference", "id": "item_3"}, user_text("raw", id="item_1")]
    pair.send(respond(conversation="none", input=given))
    assert words(pair.take(Respond)) == ["three", "raw"]
    pair.send(respond(conversation="none", input=[]))
    assert words(pair.take(Respond)) == []
    pair.send(respond(conversation="none"))
    assert words(pair.take(Respond)) == ["one", "two", "three"]


def words(command: Respond) -> list[str]:
    return [part.text for item in command.context for part in item.content]  # type: ignore[union-attr]


def test_an_unknown_item_reference_rejects_the_response(pair: Pair) -> None:
    error = invalid(pair.send(respond(conversation="none", input=[{"type": "item_reference", "id": "unknown"}])))
    assert (error["code"], error["param"]) == ("invalid_value", "response.input[0].id")
    assert types(pair.send(respond())) == ["response.created"]


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"modalities": ["text"]}, "unknown_parameter", "response.modalities"),
    ({"conversation": "mine"}, "invalid_value", "response.conversation"),
    ({"output_modalities": ["text", "audio"]}, "invalid_value", "response.output_modalities"),
    ({"max_output_tokens": 5000}, "invalid_value", "response.max_output_tokens"),
    ({"metadata": {"k": "v" * 513}}, "invalid_value", "response.metadata"),
    ({"metadata": {"k": 1}}, "invalid_value", "response.metadata[...]"),
    ({"audio": {"output": {"speed": 1}}}, "unknown_parameter", "response.audio.output.speed"),
    ({"input": [user_text("x", role="robot")]}, "invalid_value", "response.input[0].role"),
    ({"input": [{"type": "poem"}]}, "invalid_value", "response.input[0].type"),
]


@pytest.mark.parametrize(("response", "code", "param"), INVALID, ids=[f"{n}-{r[2]}" for n, r in enumerate(INVALID)])
def test_a_response_with_a_bad_setting_is_rejected(pair: Pair, response: dict[str, Any], code: str, param: str) -> None:
    error = invalid(pair.send(respond(**response)))
    assert (error["code"], error["param"]) == (code, param)
    assert types(pair.send(respond())) == ["response.created"]
