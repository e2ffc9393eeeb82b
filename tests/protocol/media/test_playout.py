"""Any order of speech, ends, interruptions and waiting: nothing is lost, nothing is told twice."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from itertools import pairwise
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM
from duologue.protocol.media.playout import Began, Cleared, Occurrence, Playout, Stopped, Truncated

_STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from([1, 7, 20, 33, 200])),
    st.tuples(st.just("say beside"), st.sampled_from([5, 40])),
    st.tuples(st.just("wait"), st.sampled_from([1, 10, 35, 150, 700])),
    st.tuples(st.sampled_from(["part over", "done", "done beside", "cut"]), st.just(0)),
)


class _Run:
    """Makes of any steps an order that a session can send: one response in the conversation, one beside it."""

    def __init__(self) -> None:
        self.playout = Playout()
        self.now = 0.0
        self.n_responses = 0
        self.open: dict[str, str] = {}
        self.n_items = 0
        self.item_of: dict[str, str] = {}
        self.sent: list[tuple[str, str, int]] = []
        """Response, item and samples of each delta, whose samples are all its number plus one."""
        self.cut: set[str] = set()
        self.played: Counter[int] = Counter()
        self.order: list[int] = []
        self.told: list[Occurrence] = []

    def step(self, what: str, ms: int) -> None:
        kind = "beside" if what.endswith("beside") else "in"
        match what.split()[0]:
            case "say":
                self.say(kind, ms)
            case "part" if "in" in self.open:
                self.playout.part_over(self.open["in"], now=self.now)
                self.item_of.pop(self.open["in"], None)
            case "done" if kind in self.open:
                self.playout.done(self.open.pop(kind), now=self.now)
            case "cut":
                self.cut |= {response for response, _, _ in self.sent}
                self.playout.cut(now=self.now)
            case "wait":
                self.wait(ms)
            case _:
                pass
        self.told += self.playout.take_occurrences()

    def say(self, kind: str, ms: int) -> None:
        if kind not in self.open:
            self.n_responses += 1
            self.open[kind] = f"{kind}_{self.n_responses}"
            self.playout.created(self.open[kind], None, in_conversation=kind == "in", now=self.now)
        response = self.open[kind]
        if response not in self.item_of:
            self.n_items += 1
            self.item_of[response] = f"{response}_item_{self.n_items}"
        self.sent.append((response, self.item_of[response], ms * 24))
        samples = array("h", [len(self.sent)] * (ms * 24)).tobytes()
        self.playout.speech(response, self.item_of[response], 0, samples, now=self.now)

    def wait(self, ms: float) -> None:
        end = self.now + ms / 1000
        while (due_at := self.playout.next_due_at) <= end:
            self.now = max(self.now, due_at)
            for frame in self.playout.take(self.now):
                values = [value for value in array("h", frame) if value]
                self.played.update(values)
                self.order += dict.fromkeys(values)
            self.told += self.playout.take_occurrences()
        self.now = end

    def end(self) -> None:
        for kind in list(self.open):
            self.step(f"done {kind}", 0)
        self.wait(60_000)


@given(st.lists(_STEPS, max_size=60))
def test_playback_in_any_order(steps: list[tuple[str, int]]) -> None:
    run = _Run()
    for what, ms in steps:
        run.step(what, ms)
    run.end()
    assert not run.playout.playing
    assert run.playout.next_due_at == inf
    assert run.playout.waiting_ms == 0
    _check_occurrences(run)
    _check_samples(run)


def _check_occurrences(run: _Run) -> None:
    spoken = [one for one in run.told if not isinstance(one, Truncated)]
    # Each beginning is followed by its own end, before anything else begins.
    assert len(spoken) % 2 == 0
    for begin, end in zip(spoken[::2], spoken[1::2], strict=True):
        assert isinstance(begin, Began)
        assert isinstance(end, Stopped | Cleared)
        assert begin.response_id == end.response_id
    ids = [one.response_id for one in spoken[::2]]
    assert len(set(ids)) == len(ids)
    heard = {run.sent[number - 1][0] for number in run.played}
    assert set(ids) == heard
    stopped = {one.response_id for one in spoken if isinstance(one, Stopped)}
    assert {response for response, _, _ in run.sent} - run.cut <= stopped


def _check_samples(run: _Run) -> None:
    by_item: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, (response, item, samples) in enumerate(run.sent, 1):
        assert run.played[number] <= samples
        if response not in run.cut:
            assert run.played[number] == samples
        by_item[item].append((run.played[number], samples))
    # Of each item a beginning was played, in order.
    for parts in by_item.values():
        assert all(later == 0 for (played, samples), (later, _) in pairwise(parts) if played < samples)
    assert all(run.order.index(a) <= run.order.index(b) for a, b in pairwise(run.order))
    truncated = {one.item_id: one.audio_end_ms for one in run.told if isinstance(one, Truncated)}
    assert len(truncated) == sum(isinstance(one, Truncated) for one in run.told)
    for item, parts in by_item.items():
        played = sum(played for played, _ in parts)
        if item in truncated:
            assert item.startswith("in")
            assert truncated[item] == PCM.duration_ms(2 * played)
        elif item.startswith("in"):
            assert played == sum(samples for _, samples in parts)
