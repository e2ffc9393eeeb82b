"""Ends of sessions and keys, when a recording is played later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from duologue.testing.cassettes.expiry import age_of, postponed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("started_at", "age_s"),
    [
        ("2026-03-01T12:00:00.000+00:00", 0),
        ("2026-03-01T12:00:00.000+01:00", 3600),
        ("2026-02-28T12:00:00.000+00:00", 86_400),
        ("2027-03-01T12:00:00.000+00:00", 0),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_the_age_of_a_recording(started_at: str, age_s: int) -> None:
    assert age_of(started_at, unix_now_s=NOON) == age_s


@pytest.mark.parametrize(
    ("content", "later"),
    [
        ({"session": {"expires_at": 5, "id": "a"}}, {"session": {"expires_at": 15, "id": "a"}}),
        ({"value": "ek", "expires_at": 5}, {"value": "ek", "expires_at": 15}),
        ({"client_secret": {"expires_at": 5}}, {"client_secret": {"expires_at": 15}}),
        ({"session": {"client_secret": {"expires_at": 5}}}, {"session": {"client_secret": {"expires_at": 15}}}),
    ],
)
def test_ends_come_later(content: dict[str, Any], later: dict[str, Any]) -> None:
    assert postponed(content, 10) == later


@pytest.mark.parametrize(
    "content",
    [{}, {"session": None}, {"session": {"expires_at": None}}, {"item": {"expires_at": 5}}, {"expires_at": True}],
)
def test_what_has_no_end_is_the_same_object(content: dict[str, Any]) -> None:
    assert postponed(content, 10) is content


def test_of_a_recording_of_now_nothing_changes() -> None:
    content = {"expires_at": 5}
    assert postponed(content, 0) is content
