"""Memory accounting of one session."""

from __future__ import annotations

from sys import getsizeof
from typing import Any, get_args

import pytest
from msgspec import UNSET, Struct

from duologue.events import InputTextPart
from duologue.protocol.server.account import KINDS, Kind, MemoryAccount, held_bytes
from duologue.protocol.server.errors import InvalidRequest


def test_an_account_takes_up_to_its_limit_and_counts_nothing_of_what_it_rejects() -> None:
    account = MemoryAccount(100)
    account.take("items", 100)
    with pytest.raises(InvalidRequest, match="up to 100 bytes"):
        account.take("audio", 1, param="item")
    account.change("audio", 50)
    account.change("items", -50)
    assert account.held == {"items": 50, "audio": 50}


class Host:
    """Counts what a session charges, until `rejects` names a reason; it always counts what is forced."""

    def __init__(self) -> None:
        self.rejects: str | None = None
        self.charged: list[tuple[str, int, bool]] = []

    def charge(self, kind: str, n_bytes: int, forced: bool) -> str | None:
        if self.rejects is None or forced:
            self.charged.append((kind, n_bytes, forced))
            return None
        return self.rejects


def test_a_host_is_charged_every_change_and_names_the_reason_when_it_rejects() -> None:
    host = Host()
    account = MemoryAccount(100, host.charge)
    account.take("items", 10)
    account.change("items", 0)
    host.rejects = "owner_full"
    for n_bytes, code in ((90, "rate_limit_exceeded"), (91, "invalid_value")):
        with pytest.raises(InvalidRequest) as rejected:
            account.take("items", n_bytes, param="item")
        assert (rejected.value.code, rejected.value.param) == (code, "item")
    account.change("items", -10)
    assert host.charged == [("items", 10, False), ("items", -10, True)]
    assert account.held == {"items": 0}


def test_an_account_above_its_limit_takes_no_more_and_lets_go() -> None:
    account = MemoryAccount(100)
    account.change("audio", 150)
    assert [account.fits("audio", n_bytes) for n_bytes in (1, 0, -60, 10, 1)] == [False, True, True, True, False]
    assert account.held == {"audio": 100}


@pytest.mark.parametrize("text", ["plain", "é" * 9, "…" * 9, "x" * 99 + "\U0001f600"])
def test_a_text_costs_by_its_widest_character(text: str) -> None:
    """One emoji makes four bytes of each character, and as many more once the text is encoded."""
    width = 1 if text.isascii() else 2 * {"é": 1, "…": 2}.get(text[0], 4)
    assert width * len(text) <= held_bytes(text) <= width * len(text) + 160


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 0),
        (UNSET, 0),
        (1.5, getsizeof(1.5)),
        ({}, 64),
        ({"key": None}, 64 + 104 + getsizeof("key")),
        ([True, []], getsizeof([True, []]) + getsizeof(True) + getsizeof([])),
        ((None,), getsizeof((None,))),
        (InputTextPart(text="hi"), 32 + 8 * len(InputTextPart.__struct_fields__) + held_bytes({}) + getsizeof("hi")),
    ],
    ids=repr,
)
def test_a_value_costs_its_own_memory_and_that_of_its_parts(value: Any, expected: int) -> None:
    assert held_bytes(value) == expected


def test_json_costs_the_sum_of_its_parts_at_any_depth() -> None:
    deep: Any = "x" * 1000
    for _ in range(5000):
        deep = [deep]
    assert held_bytes(deep) > 5000 * 56
    assert held_bytes({"k" * 100: {"k" * 100: None}}) > 200


def test_an_object_with_one_field_costs_the_field_and_itself() -> None:
    class Single(Struct):
        text: str

    class Pair(Struct):
        text: str
        other: str

    text = "x" * 1000
    assert held_bytes(Single(text)) == held_bytes(Pair(text, "")) - held_bytes("") - 8


def test_every_kind_of_memory_has_one_name() -> None:
    assert get_args(Kind) == KINDS
