"""Messages as cassettes compare them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.testing.cassettes.messages import InputAudioRate, bytes_in, event_in, read_message
from tests.testing.cassettes._tape import append, text


@given(st.binary(max_size=200), st.booleans())
def test_the_bytes_in_a_base64_text_are_counted_with_and_without_padding(data: bytes, pads: bool) -> None:
    encoded = base64.b64encode(data).decode()
    assert bytes_in(encoded if pads else encoded.rstrip("=")) == len(data)


@pytest.mark.parametrize(
    ("session", "length_ms"),
    [
        ({}, 100),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}}, 150),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, 600),
        ({"audio": {"format": {"type": "audio/pcma"}}}, 600),
        ({"input_audio_format": "g711_ulaw"}, 600),
        ({"input_audio_format": "pcm16"}, 100),
        ({"input_audio_format": "of the future"}, 100),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": -1}}}}, 100),
        ({"audio": "loud"}, 100),
        (None, 100),
    ],
)
def test_a_piece_is_as_long_as_the_last_session_says(session: Any, length_ms: float) -> None:
    rate = InputAudioRate()
    read_message(text({"type": "session.update", "session": session}), rate)
    assert read_message(text(append(100)), rate).audio_ms == pytest.approx(length_ms)


@pytest.mark.parametrize("name", ["session.input_audio.append", "session.input_audio_buffer.append"])
def test_pieces_of_the_other_families_are_known(name: str) -> None:
    assert read_message(text({**append(20), "type": name}), InputAudioRate()).audio_ms == 20


def test_an_append_without_audio_is_an_event_like_any_other() -> None:
    read = read_message(text("input_audio_buffer.append"), InputAudioRate())
    assert (read.type, read.audio_ms) == ("input_audio_buffer.append", None)


def test_binary_messages_are_events_or_audio() -> None:
    assert read_message(b' {"type":"response.create"}', InputAudioRate()).type == "response.create"
    assert read_message(bytes(480), InputAudioRate()).audio_ms == 10
    assert read_message(b"{not json", InputAudioRate()).audio_ms is not None


@pytest.mark.parametrize("message", ["", "[]", "nothing", '{"type":'])
def test_a_text_that_is_no_object_is_neither(message: str) -> None:
    read = read_message(message, InputAudioRate())
    assert (read.event, read.audio_ms, read.type) == (None, None, "(text that is no JSON)")
    assert event_in(message) is None


def test_a_type_is_printable_whatever_the_client_sends() -> None:
    assert read_message(json.dumps({"type": "a\x1b[31m"}), InputAudioRate()).type == "a\\x1b[31m"
    assert read_message(json.dumps({"type": 7}), InputAudioRate()).type == "(no type)"
