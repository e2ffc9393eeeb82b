"""Strategies: what they make is what they say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.events import ClientEvent, ErrorEvent, InputAudioBufferAppendEvent, ResponseCreateEvent
from duologue.protocol import Respond, Transcribe
from duologue.testing import Pair
from duologue.testing.strategies import EventDirection, EventFamily, events, frames, sessions

FAMILIES: tuple[EventFamily, ...] = get_args(EventFamily)
DIRECTIONS: tuple[EventDirection, ...] = get_args(EventDirection)


@settings(max_examples=100)
@given(st.data())
def test_events_are_typed_and_of_the_family_and_direction_that_were_asked_for(data: st.DataObject) -> None:
    family, direction = data.draw(st.sampled_from(FAMILIES)), data.draw(st.sampled_from(DIRECTIONS))
    event = data.draw(events(family, direction=direction))
    bases = {base.__name__ for base in type(event).__mro__}
    assert not type(event).__name__.startswith("Unknown")
    assert any(base.endswith("ClientEvent") for base in bases) == (direction == "client")


@settings(max_examples=20)
@given(events(type="input_audio_buffer.append"))
def test_audio_in_events_is_whole_samples(event: InputAudioBufferAppendEvent) -> None:
    assert len(event.decode_audio()) % 2 == 0


@settings(max_examples=20)
@given(frames("live", type="session.close"))
def test_frames_are_json(frame: dict[str, Any]) -> None:
    assert frame["type"] == "session.close"


@settings(max_examples=40)
@given(sessions())
def test_a_server_accepts_every_command_of_a_session(commands: list[ClientEvent]) -> None:
    pair = Pair()
    pair.connect()
    for command in commands:
        assert not [answer for answer in pair.send(command) if isinstance(answer, ErrorEvent)]
        while any(isinstance(each, Transcribe) for each in pair.commands):
            pair.transcribes("hello")
        if isinstance(command, ResponseCreateEvent):
            response_id = pair.take(Respond).response_id
            pair.responds("Hello.", response_id=response_id)
            pair.finishes(response_id=response_id)


def test_what_no_family_has_is_refused() -> None:
    with pytest.raises(ValueError, match=r"translation has no such event: type 'frog'.*session\.close"):
        events("translation", type="frog")
    with pytest.raises(ValueError, match="there is no family 'frog'; there are realtime, "):
        frames("frog")  # type: ignore[arg-type]


def test_without_hypothesis_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import duologue.testing.strategies"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, encoding="utf-8", timeout=30
    )
    assert done.stderr.rstrip().endswith("duologue.testing.strategies needs hypothesis: pip install hypothesis")
