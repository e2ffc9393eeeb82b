"""Audio is kept up to a limit; the oldest is dropped first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.client.history.audio_store import AudioStore


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.binary(max_size=30), st.integers(0, 9))),
)
def test_pain_13_what_is_kept_is_within_its_limit_and_whole(
    limit_bytes: int, steps: list[tuple[str, int, bytes, int]]
) -> None:
    kept = AudioStore(limit_bytes)
    came: dict[tuple[str, int], bytes] = {}
    for item_id, index, audio, what in steps:
        if what == 0:
            kept.remove(item_id)
            came = {key: value for key, value in came.items() if key[0] != item_id}
        elif what == 1:
            kept.cut(item_id, index, 5)
            came[item_id, index] = (kept.get(item_id, index) or b"")[:5]
        else:
            kept.add(item_id, index, audio)
            came[item_id, index] = came.get((item_id, index), b"") + audio
        held = {key: kept.get(*key) for key in came}
        assert all(audio is None or came[key].endswith(audio) for key, audio in held.items())
        assert sum(len(audio) for audio in held.values() if audio) == kept.held_bytes <= limit_bytes
    kept.clear()
    assert kept.held_bytes == 0
