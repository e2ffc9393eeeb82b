"""Audio is kept up to a limit; the oldest is dropped first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.client.history.audio_store import AudioStore


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.binary(max_size=30), st.integers(0, 9))),
)
def test_pain_13_what_is_kept_is_the_newest_within_the_limit_and_whole(
    limit_bytes: int, steps: list[tuple[str, int, bytes, int]]
) -> None:
    kept, model = AudioStore(limit_bytes), dict[tuple[str, int], bytes]()
    for item_id, index, audio, what in steps:
        key = (item_id, index)
        if what == 0:
            kept.remove(item_id)
            model = {key: value for key, value in model.items() if key[0] != item_id}
        elif what == 1:
            kept.cut(item_id, index, 5)
            model |= {key: model[key][:5]} if key in model else {}
        elif limit_bytes:
            kept.add(item_id, index, audio)
            model[key] = model.get(key, b"") + audio
            while sum(map(len, model.values())) > limit_bytes:
                del model[next(iter(model))]
        else:
            kept.add(item_id, index, audio)
        assert {(name, part): kept.get(name, part) for name in "abc" for part in (0, 1) if kept.get(name, part)} == {
            key: value for key, value in model.items() if value
        }
        assert kept.held_bytes == sum(map(len, model.values()))
        assert kept._pieces.keys() == model.keys()
    kept.clear()
    assert (kept.held_bytes, kept.get("a", 0)) == (0, None)
