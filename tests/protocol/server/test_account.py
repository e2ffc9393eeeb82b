"""Memory accounting of one session."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.errors import InvalidRequest


def test_an_account_takes_up_to_its_limit_and_counts_nothing_of_what_it_rejects() -> None:
    account = MemoryAccount(100)
    account.take("items", 100)
    with pytest.raises(InvalidRequest, match="up to 100 bytes"):
        account.take("audio", 1, param="item")
    account.change("audio", 50)
    account.change("items", -50)
    assert account.held == {"items": 50, "audio": 50}


@pytest.mark.parametrize("text", ["plain", "é" * 9, "…" * 9, "x" * 99 + "\U0001f600"])
def test_a_text_costs_by_its_widest_character(text: str) -> None:
    """One emoji makes four bytes of each character, and as many more once the text is encoded."""
    width = 1 if text.isascii() else 2 * {"é": 1, "…": 2}.get(text[0], 4)
    assert width * len(text) <= held_bytes(text) <= width * len(text) + 160


def test_json_costs_the_sum_of_its_parts_at_any_depth() -> None:
    deep: Any = "x" * 1000
    for _ in range(5000):
        deep = [deep]
    assert held_bytes(deep) > 5000 * 56
    assert held_bytes({"k" * 100: {"k" * 100: None}}) > 200
