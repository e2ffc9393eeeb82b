"""Which way a frame went."""

from __future__ import annotations

import pytest

from duologue.recording import Direction
from duologue.recording.formats.directions import (
    direction_of_prefix,
    direction_of_type,
    direction_of_word,
    is_event_name,
)


@pytest.mark.parametrize(
    ("prefix", "direction"),
    [
        ("> ", "sent"),
        ("< ", "received"),
        (">>> ", "sent"),
        ("<<< ", "received"),
        ("-> ", "sent"),
        ("<- ", "received"),
        ("--> ", "sent"),
        ("→", "sent"),
        ("← ", "received"),
        ("⬆️ ", "sent"),
        ("\x1b[32m<\x1b[0m ", "received"),
        ("DEBUG:websockets.client:> TEXT '", "sent"),
        ("DEBUG:websockets.server:< TEXT '", "received"),
        ("websockets.client - < BINARY b'", "received"),
        ("2026-11-01 10:00:00 INFO client: < ", "received"),
        ("[10:00:00] > [ws] ", "sent"),
        ("SEND: ", "sent"),
        ("recv ", "received"),
        ("[OUT] ", "sent"),
        ("in: ", "received"),
        ("Sending event: ", "sent"),
        ("Received event from server: ", "received"),
        ("got message ", None),
        ("message from the server: ", "received"),
        ("message to the client: ", "received"),
        ("client -> server: ", "sent"),
        ("server -> client: ", "received"),
        ("from client ", "sent"),
        ("agent.<module>: ", None),
        ("a - b - DEBUG - ", None),
        ("data: ", None),
        ("", None),
    ],
)
def test_the_text_before_a_frame_says_it(prefix: str, direction: Direction | None) -> None:
    assert direction_of_prefix(prefix) == direction


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("sent", "sent"),
        (" Outgoing ", "sent"),
        ("client", "sent"),
        ("framesent", "sent"),
        ("Network.webSocketFrameReceived", "received"),
        ("server", "received"),
        ("in", "received"),
        ("IN", "received"),
        ("<", "received"),
        ("sideways", None),
        ("", None),
        (1, None),
        (None, None),
        ([], None),
    ],
)
def test_the_value_of_a_field_says_it(word: object, direction: Direction | None) -> None:
    assert direction_of_word(word) == direction


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("session.update", "sent"),
        ("session.updated", "received"),
        ("response.create", "sent"),
        ("response.created", "received"),
        ("response.audio.delta", "received"),
        ("error", "received"),
        ("input_audio_buffer.append", "sent"),
        ("session.finish", "sent"),
        ("session.avatar.connect", "received"),
        ("tool.cancel", "sent"),
        (None, "received"),
    ],
)
def test_the_type_of_an_event_says_it_where_nothing_else_does(name: str | None, direction: Direction) -> None:
    assert direction_of_type(name) == direction


def test_names_of_events_are_those_of_every_dialect() -> None:
    assert all(map(is_event_name, ["session.created", "response.audio.delta", "session.input_audio_buffer.append"]))
    assert not any(map(is_event_name, ["send", "message", "connected", None, 1]))
