"""What the grammar takes, and what its errors say."""

from __future__ import annotations

import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.faults import KINDS, After, faults_from_toml, parse_fault, parse_faults


def test_a_fault_has_its_fields_and_when_it_comes() -> None:
    fault = parse_fault('close code=1001 reason="time is up" on=response.created from=server times=2 connection=3')
    assert (fault.name, dict(fault.fields)) == ("close", {"code": 1001, "reason": "time is up"})
    assert (fault.on, fault.sender, fault.times, fault.connection) == ("response.created", "server", 2, 3)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("3s", After(3, "s")),
        ("250ms", After(0.25, "s")),
        ("20msgs", After(20, "msgs")),
        ("500B", After(500, "bytes")),
        ("2kB", After(2000, "bytes")),
        ("1.5MB", After(1_500_000, "bytes")),
    ],
)
def test_after_is_a_time_a_number_of_messages_or_of_bytes(text: str, after: After) -> None:
    assert parse_fault(f"half_open after={text}").after == after


def test_a_certain_fault_comes_once_and_a_random_one_as_often_as_chance_has_it() -> None:
    assert parse_fault("drop").times == 1
    assert parse_fault("drop p=0.1").times is None
    assert parse_fault("drop times=all").times is None
    assert parse_fault("latency").times is None


def test_the_event_says_whose_message_it_is() -> None:
    assert parse_fault("drop on=response.create").acts_on == "client"
    assert parse_fault("drop on=response.done").acts_on == "server"
    assert parse_fault("drop on=session.start").acts_on == "client"
    assert parse_fault("drop on=something.of.a.vendor").acts_on == "server"
    assert parse_fault("drop from=client").acts_on == "client"
    assert parse_fault("close on=response.create").acts_on == "server"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no fault ''. There are: "),
        ("half_opened", "did you mean half_open?"),
        ("spontaneous_combustion", ". There are: latency, bandwidth"),
        ("drop on", "'on' has no value: write on=…"),
        ("drop when=3", "there is no 'when'; possible are on, after"),
        ("drop p=0.1 p=0.2", "p is given twice"),
        ("drop p=1.5", "p is a number from 0 to 1, not '1.5'"),
        ("drop p=nan", "p is a number from 0 to 1"),
        ("drop times=0", "times is a whole number from 1 on, not '0'"),
        ("drop times=1e400", "times is a whole number"),
        ("reorder by=1.5", "by is a whole number from 1 to 1000, not '1.5'"),
        ("latency ms=-1", "ms is a number from 0 to 60000, not '-1'"),
        ("half_open after=soon", "3s, 20msgs, 1MB; not 'soon'"),
        ("close code=1006", "code 1006 is none that a close can have"),
        ("close code=2000", "code 2000 is none that a close can have"),
        ("refuse on=response.done", "before any event"),
        ("refuse after=1s", "before any event"),
        ("expire from=client", "from may be server, not 'client'"),
        ("drop from=elsewhere", "from may be client or server, not 'elsewhere'"),
        ("reset from=client", "leave out from"),
        ("drop on=", "on is the type of an event"),
        ('close reason="open', "is no fault"),
        ("drop connection=0", "connection is a whole number from 1 on"),
        ("\u202edrop", r"\u202edrop"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_is_possible(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_fault(text)
    assert says in str(raised.value)


@pytest.mark.parametrize("name", KINDS)
def test_every_fault_is_possible_without_a_field(name: str) -> None:
    fault = parse_fault(name)
    assert str(fault) == name
    assert set(fault.fields) == {field.name for field in KINDS[name].fields}


@pytest.mark.parametrize(
    "text",
    [
        "close code=1001 reason='time is up' on=response.created",
        "drop on='*.delta' after=1234567B p=0.25",
        "latency ms=20 jitter=5 after=3s from=client times=1",
        "mic_burst s=0.5 after=20msgs connection=2",
    ],
)
def test_a_fault_is_told_in_the_grammar(text: str) -> None:
    assert str(parse_fault(text)) == text


@given(st.floats(0, 1), st.text(min_size=1, max_size=20), st.integers(1, 10**11))
def test_a_fault_that_is_told_is_the_same_fault_when_it_is_read(p: float, name: str, size: int) -> None:
    quoted = shlex.quote(name)
    fault = parse_fault(f"unknown type={quoted} on={quoted} p={p!r} after={size}B")
    assert parse_fault(str(fault)) == fault


@given(st.text(max_size=60))
def test_any_text_is_a_fault_or_an_error_of_the_grammar(text: str) -> None:
    with suppress(ValueError):
        fault = parse_fault(text)
        assert str(parse_fault(str(fault))) == str(fault)


def test_a_file_has_a_table_for_each_fault() -> None:
    text = '[[fault]]\nname = "duplicate"\np = 0.1\n\n[[fault]]\nname = "half_open"\nafter = "3s"\n'
    assert faults_from_toml(text) == parse_faults(["duplicate p=0.1", "half_open after=3s"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[fault", "Expected"),
        ("seed = 7", "tables [[fault]], and here is seed"),
        ("fault = 3", "another `fault`"),
        ("[[fault]]\np = 0.1", "fault 1 has no name"),
        ('[[fault]]\nname = "drop"\np = "much"', "p is a number"),
        ('[[fault]]\nname = "drop"\non = 3', "on is the type of an event"),
        ('[[fault]]\nname = "close"\nreason = 3', "reason is a text"),
        ('[[fault]]\nname = "drop"\ntimes = true', "times is a whole number"),
    ],
)
def test_a_file_with_something_else_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        faults_from_toml(text)
    assert says in str(raised.value)


def test_a_plan_has_a_bounded_number_of_faults() -> None:
    with pytest.raises(ValueError, match="no more than 200"):
        parse_faults(["drop"] * 201)
