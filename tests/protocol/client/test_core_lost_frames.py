"""Frames that are lost, doubled or exchanged: every request ends, a call runs once at most, no words are lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.client.notices import TextDelta
from tests.protocol._telling import (
    ARGUMENTS,
    WORDS,
    Frame,
    Telling,
    call,
    call_block,
    created,
    done,
    message,
    part,
    text_block,
)

EXCHANGED = [
    {"response.output_item.done", "conversation.item.done"},
    {"response.output_item.added", "conversation.item.added"},
    {"response.output_text.done", "response.content_part.done"},
    {"response.created", "response.output_item.added"},
]
"""Neighbours that servers send in either order."""

LONGEST_S = 250.0
"""Two requests that are not answered, and a response that stops, one behind the other."""

Turn = list[tuple[int, Frame]]


@st.composite
def damaged_turns(draw: st.DrawFn, n_frames: int) -> list[int]:
    """Indexes of the frames of a turn that arrive: some never, some twice, some behind the next."""
    lost = draw(st.sets(st.integers(0, n_frames - 1), max_size=n_frames))
    order = [index for index in range(n_frames) if index not in lost]
    for index in draw(st.lists(st.sampled_from(order), max_size=4)) if order else []:
        order.insert(order.index(index), index)
    for place in draw(st.sets(st.integers(0, max(len(order) - 2, 0)), max_size=4)):
        order[place : place + 2] = order[place : place + 2][::-1]
    return order


def turn(told: Telling) -> list[Frame]:
    request = told.ask()
    return [
        created(request),
        *text_block(),
        *call_block(),
        part("output_audio.done"),
        done(request, output=[message(), call()]),
    ]


N_FRAMES = len(turn(Telling()))


def may_be_exchanged(first: Frame, second: Frame) -> bool:
    return {first["type"], second["type"]} in EXCHANGED


def as_servers_do(frames: list[Frame], order: list[int]) -> list[Frame]:
    """The frames in this order, where servers have such an order."""
    for place in range(len(order) - 1):
        first, second = order[place], order[place + 1]
        if first > second and not may_be_exchanged(frames[first], frames[second]):
            order[place], order[place + 1] = second, first
    # The same frame again is a repetition, with its own id.
    return [frames[index] | {"event_id": f"frame_{index}"} for index in order]


@given(order=damaged_turns(N_FRAMES))
def test_whatever_is_lost_every_request_ends_and_nothing_that_was_told_is_lost(order: list[int]) -> None:
    told = Telling()
    frames = as_servers_do(turn(told), order)
    behind = told.ask()
    told.tell(*frames)
    assert told.wait_for_all() <= LONGEST_S

    assert len(told.ends) >= 2
    assert behind in [end.request for end in told.ends]
    assert told.core.sequencer.pending == ()
    assert not told.core.silence._watched
    assert told.core.calls.all_answered

    assert [result for _, _, result in told.runs] in ([], ["noon in Oslo"])
    if any(is_whole_call(frame) for frame in frames):
        assert len(told.runs) == 1
    if any(WORDS in str(frame) for frame in frames):
        assert WORDS in (told.history, *told_words(told))
    pieces = [frame["delta"] for frame in frames if frame["type"] == "response.output_text.delta"]
    assert "".join(notice.delta for notice in told.all(TextDelta)) == "".join(dict.fromkeys(pieces))


def is_whole_call(frame: Frame) -> bool:
    """Whether an event tells the whole call and with it that it is whole."""
    return ARGUMENTS in str(frame) and frame["type"] in ("response.output_item.done", "response.done")


def told_words(told: Telling) -> list[str]:
    return [told.words(index) for index, end in enumerate(told.ends) if end.done is not None]
