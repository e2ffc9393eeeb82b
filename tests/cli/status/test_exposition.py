"""Metrics are read as Prometheus's own library reads them; a hostile page costs little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from duologue.cli.status.exposition import read_exposition
from duologue.server.telemetry.metrics import Metrics


async def test_a_server_s_page_is_read_as_by_prometheus_s_own_library() -> None:
    metrics = Metrics()
    session = metrics.opened("s", kind="realtime")
    with session.engine_call("respond"):
        pass
    metrics.turned_away("full")
    metrics.owners.of("key 1")
    page = metrics.page()[0].decode()
    theirs = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    ours = {(name, labels): value for name, found in read_exposition(page).items() for labels, value in found.items()}
    assert ours == theirs


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_may_be_a_label(value: str) -> None:
    registry = CollectorRegistry()
    Counter("duologue_any", "Any.", ["name"], registry=registry).labels(value).inc()
    samples = read_exposition(generate_latest(registry).decode())
    assert samples["duologue_any_total"] == {(("name", value),): 1.0}


def test_what_is_not_ours_and_what_is_not_finite_is_left_out() -> None:
    page = '# HELP x y\nprocess_open_fds 7\nduologue_a NaN\nduologue_b{x="1"} 2 1700000000000\n'
    assert read_exposition(page) == {"duologue_b": {(("x", "1"),): 2.0}}


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("", "no metric of a duologue server"),
        ("<html>", "no metric of a duologue server"),
        ("duologue_a", "a line that is no sample"),
        ("duologue_a{x=1} 2", "labels that are none"),
        ('duologue_a{x="1" y="2"} 2', "labels that are none"),
        ("duologue_a two", "could not convert string to float"),
        ("duologue_" + "x" * 5000 + " 1", "a line that is no sample"),
        ('duologue_a{x="' + "\\" * 4001 + '"} 1', "labels that are none"),
        ("duologue_a 1\n" * 100_001, "too many samples"),
    ],
    ids=["empty", "HTML", "no value", "no quotes", "no comma", "no number", "long", "escapes", "many"],
)
def test_what_is_no_page_of_metrics(page: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_exposition(page)
