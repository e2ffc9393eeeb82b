"""The faults of a run: told, counted, and the same for one seed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.faults import ConnectionFaults, FaultPlan, FiredFault
from duologue.recording import Side

TYPES = ("response.created", "response.output_audio.delta", "response.done")


def run(seed: int, order: list[tuple[Side, str]]) -> list[str]:
    plan = FaultPlan(["duplicate p=0.4", "drop p=0.2 from=client"], seed=seed)
    faults = ConnectionFaults(plan)
    faults.opened(0.0)
    for number, (sender, name) in enumerate(order):
        faults.passed(sender, f'{{"type":"{name}"}}', number * 0.1)
    return sorted(map(str, plan.fired))


SENDERS: list[Side] = ["client", "server"]


@given(st.integers(0, 1000), st.lists(st.tuples(st.sampled_from(SENDERS), st.sampled_from(TYPES)), max_size=40))
def test_one_seed_has_the_same_faults_come_whatever_else_passes(seed: int, order: list[tuple[Side, str]]) -> None:
    assert run(seed, order) == run(seed, order)
    # The decision about the third `response.done` does not depend on what passes between them.
    one_after_another = sorted(order, key=lambda each: each[1])
    assert run(seed, one_after_another) == run(seed, order)


def test_another_seed_has_others_come() -> None:
    order: list[tuple[Side, str]] = [("server", name) for name in TYPES] * 10
    assert len({tuple(run(seed, order)) for seed in range(10)}) > 5


def test_what_came_is_told_counted_and_noted() -> None:
    told: list[FiredFault] = []
    plan = FaultPlan("drop on=response.done times=2", told=told.append)
    faults = ConnectionFaults(plan)
    faults.opened(10.0)
    for _ in range(3):
        faults.passed("server", '{"type":"response.done"}', 12.5)
    assert list(plan.fired) == told
    assert [str(fired) for fired in told] == [
        "connection 1: drop on=response.done times=2 at response.done 1",
        "connection 1: drop on=response.done times=2 at response.done 2",
    ]
    assert plan.counts == {"drop on=response.done times=2": 2}
    assert told[0].at_s == 2.5
    assert (told[0].note.name, told[0].note.detail) == ("drop", "on=response.done times=2 at response.done 1")


def test_times_counts_over_all_connections_and_a_connection_can_be_chosen() -> None:
    plan = FaultPlan(["drop on=response.done", "duplicate on=response.created connection=2"])
    for _ in range(3):
        faults = ConnectionFaults(plan)
        faults.opened(0.0)
        for name in TYPES:
            faults.passed("server", f'{{"type":"{name}"}}', 0.0)
    assert [(fired.connection, fired.fault.name) for fired in plan.fired] == [(1, "drop"), (2, "duplicate")]
