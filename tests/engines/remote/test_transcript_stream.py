"""Transcripts are put together from events; `test_transcriber` has the spellings of servers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.remote.transcript_stream import TranscriptFault, TranscriptStream


@given(st.lists(st.text(st.sampled_from("ab \n\u00a0"), max_size=4), max_size=8))
def test_the_pieces_joined_are_the_text_without_the_space_around_it(deltas: list[str]) -> None:
    stream = TranscriptStream()
    events = ({"type": "transcript.text.delta", "delta": each} for each in deltas)
    read = [stream.read(msgspec.json.encode(event).decode()) for event in events]
    assert "".join(read) == "".join(deltas).strip()


def test_a_failure_is_told_from_a_text() -> None:
    with pytest.raises(TranscriptFault, match="no model"):
        TranscriptStream().read('{"error":{"message":"no model"}}')
    with pytest.raises(TranscriptFault, match="no model"):
        TranscriptStream().read_whole('{"detail":"no model"}', is_json=True)


def test_deltas_have_an_end_and_segments_need_none() -> None:
    stream = TranscriptStream()
    assert stream.read('{"text":"One."}') == "One."
    assert (stream.needs_end, stream.ended) == (False, False)
    assert stream.read('{"type":"transcript.text.delta","delta":" Two."}') == " Two."
    assert (stream.needs_end, stream.ended) == (True, False)
    assert stream.read('{"type":"transcript.text.done","text":"One. Two."}') == ""
    assert stream.ended


def test_events_that_are_not_known_are_stepped_over() -> None:
    stream = TranscriptStream()
    assert [stream.read(line) for line in ("", "{}", '{"type":"new","text":"x"}')] == ["", "", ""]
