"""Tickets are taken for two minutes, for their network, by those with the secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.errors import SignatureRejected
from duologue.telephony.serving.tickets import check_ticket, new_ticket

_NOW = 1_790_000_000.5


def test_a_ticket_is_taken_for_two_minutes() -> None:
    ticket = new_ticket("plivo", secret="s", now_unix_s=_NOW)
    for later in (0, 60, 119):
        check_ticket(ticket, "plivo", secret="s", now_unix_s=_NOW + later)
    for now, network, secret in (
        (_NOW + 120, "plivo", "s"),
        (_NOW - 10, "plivo", "s"),  # a clock that was set back makes no ticket last longer
        (_NOW, "telnyx", "s"),
        (_NOW, "plivo", "t"),
    ):
        with pytest.raises(SignatureRejected):
            check_ticket(ticket, network, secret=secret, now_unix_s=now)


@settings(max_examples=60)
@given(st.text() | st.from_regex(r"1790000\d{3}-[0-9a-f]{64}", fullmatch=True))
def test_no_other_text_is_a_ticket(text: str) -> None:
    with pytest.raises(SignatureRejected):
        check_ticket(text, "plivo", secret="s", now_unix_s=_NOW)
