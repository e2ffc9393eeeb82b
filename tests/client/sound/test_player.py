"""A player by itself: whatever comes and whenever, nothing is heard faster than it is spoken, or after it was cut."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM
from duologue.client.sound.player import Player
from duologue.client.sound.playout import ItemPart
from duologue.notices import AudioDelta, AudioDone, Interrupted
from duologue.protocol.client.playback import Interruption
from tests.client.sound._speaking import HandedOver
from tests.client.sound._virtual_time import in_virtual_time

FRAME_S = 0.02

Step: TypeAlias = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["speak", "speak", "done", "wait", "interrupt"]), st.integers(1, 300)), max_size=25
)


@given(STEPS)
@in_virtual_time
async def test_speech_is_heard_in_order_at_its_speed_and_not_after_it_was_cut(steps: list[Step]) -> None:
    loop, sink, heard = asyncio.get_running_loop(), HandedOver(), dict[ItemPart, int]()
    received: dict[ItemPart, int] = {}
    player = Player(
        sink,
        report=lambda part: heard.__setitem__(part, player.position(part) or 0),
        received=lambda part: received[part],
    )
    await player.open(PCM)
    running = asyncio.ensure_future(player.run())
    samples, parts = count(1), count(1)
    part, cut, expected = ItemPart("item_0", 0), set[ItemPart](), b""
    for act, ms in steps:
        if act == "speak":
            audio = b"".join((next(samples) % 60_000).to_bytes(2, "little") for _ in range(24 * ms))
            received[part] = received.get(part, 0) + len(audio)
            expected += audio
            player.put(AudioDelta(response_id="r", item_id=part.item_id, content_index=0, audio=audio, encoding=PCM))
        elif act == "done":
            player.put(AudioDone(item_id=part.item_id, content_index=0))
            part = ItemPart(f"item_{next(parts)}", 0)
        elif act == "wait":
            await asyncio.sleep(ms / 1000)
        else:
            await asyncio.sleep(0)
            player.report_now()
            cut |= received.keys()
            player.put(Interrupted(Interruption(truncate=None, cut=((part.item_id, 0),))))
            assert expected.startswith(sink.audio)
            expected = sink.audio
            part = ItemPart(f"item_{next(parts)}", 0)
    player.end()
    await running
    assert sink.audio == expected
    assert all(heard.get(each, 0) == n_bytes for each, n_bytes in received.items() if each not in cut)
    assert all(n_bytes <= received[each] for each, n_bytes in heard.items())
    busy_until_s = 0.0
    for at_s, audio in sink.frames:
        assert at_s >= busy_until_s - 1e-6
        busy_until_s = at_s + len(audio) / PCM.bytes_per_s if not cut else 0.0
    assert loop.time() >= busy_until_s - 1e-6
