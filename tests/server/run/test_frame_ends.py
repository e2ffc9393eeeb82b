"""The ends of frames are found wherever a read ends."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from duologue.server.run.frame_ends import FrameEnds


@pytest.mark.parametrize("step", [1, 3, 7, 1_000])
def test_frames_are_separated_wherever_what_came_is_cut(step: int) -> None:
    frames = [Frame(Opcode.TEXT, b"x" * n).serialize(mask=True) for n in (0, 5, 125, 126, 65_535, 65_536)] * 2
    ends, got = FrameEnds(), list[bytes]()
    sent = b"".join(frames)
    for at in range(0, len(sent), step):
        rest = sent[at : at + step]
        while rest:
            size = ends.size_of(rest, 2)
            assert size
            got.append(rest[:size])
            rest = rest[size:]
    assert b"".join(got) == sent
    assert ends.between
    assert ends.size_of(frames[1] * 9, 3) < 3 * len(frames[1]) + 1  # it stands between two frames again
