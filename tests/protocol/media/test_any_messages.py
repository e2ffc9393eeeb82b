"""A line between any server and any client: nothing raises, and every message but speech is passed on."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.protocol.media.line import MediaLine
from duologue.testing import CountedIds
from duologue.testing.strategies import frames

_SERVER = st.one_of(
    frames(direction="server"),
    *(
        frames(direction="server", type=name)
        for name in ("session.updated", "response.created", "response.output_audio.delta", "response.done", "error")
    ),
)


@settings(max_examples=30)  # events of all kinds take long to make
@given(st.lists(st.tuples(_SERVER, frames(direction="client"), st.integers(0, 500)), max_size=5))
def test_a_line_takes_what_comes(steps: list[tuple[dict[str, Any], dict[str, Any], int]]) -> None:
    line = MediaLine(new_id=CountedIds())
    now = 0.0
    for from_server, from_client, wait_ms in steps:
        texts = [msgspec.json.encode(frame).decode() for frame in (from_server, from_client)]
        line.from_session(texts[0], now=now)
        line.from_client(texts[1], now=now)
        line.heard(bytes(960), now=now)
        now += wait_ms / 1000
        assert all(len(frame) == 960 for frame in line.take_frames(now))
        messages, commands = line.take_messages(), line.take_commands()
        if from_server["type"] not in ("response.output_audio.delta", "error"):
            assert texts[0] in messages
        if from_client["type"] != "output_audio_buffer.clear":
            assert texts[1] in commands
        for message in messages:
            assert line.fitting(message, 65_536)


@given(st.text(max_size=200))
def test_a_line_takes_any_text(text: str) -> None:
    line = MediaLine(new_id=CountedIds())
    line.from_session(text, now=0)
    line.from_client(text, now=0)
    assert line.take_messages() == [text]
    assert line.take_commands() == [text]
