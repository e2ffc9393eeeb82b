from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.server.workers.messages import MAX_BYTES, ChannelReader, FromWorker, Get, Leave, Put, frame

MESSAGES: list[FromWorker] = [
    Leave(owner="key 1"),
    Put(request=1, digest=b"d" * 32, value=b"v" * 5000, owner="ä", lives_s=600, now=1.5),
    Get(request=2, digest=b"", now=0),
]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2), max_size=4), st.integers(1, 6000))
def test_messages_come_whole_however_the_stream_is_cut(which: list[int], size: int) -> None:
    stream = b"".join(frame(MESSAGES[each]) for each in which)
    reader, decoder = ChannelReader(), msgspec.msgpack.Decoder(FromWorker)
    found: list[FromWorker] = []
    while stream:
        found += [decoder.decode(each) for each in reader.feed(stream[:size])]
        stream = stream[size:]
    assert found == [MESSAGES[each] for each in which]


def test_a_message_of_an_impossible_length_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        ChannelReader().feed((MAX_BYTES + 1).to_bytes(4, "big"))
