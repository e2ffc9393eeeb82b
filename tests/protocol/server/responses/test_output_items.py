"""The audio of an output item."""

from __future__ import annotations

from duologue.events import (
    ResponseAudioDeltaEvent,
)
from duologue.testing import Pair
from tests.protocol._wire import (
    respond,
    types,
)

OPENING = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]


def test_audio_may_come_before_the_first_word(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.synthesizes(bytes(480))) == [*OPENING, "response.output_audio.delta"]


def test_audio_is_cut_into_deltas_of_200_ms_that_join_to_the_whole(pair: Pair) -> None:
    pair.send(respond())
    audio = bytes(range(256)) * 100
    deltas = [event.decode_audio() for event in pair.synthesizes(audio) if isinstance(event, ResponseAudioDeltaEvent)]
    assert [len(delta) for delta in deltas] == [9600, 9600, 6400]
    assert b"".join(deltas) == audio
