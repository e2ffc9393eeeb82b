"""Servers whose calls are ended otherwise."""

from __future__ import annotations

import pytest

from tests.conformance._calls import failed_over_calls

ALL = ("webrtc.hangup", "webrtc.hangup_unknown")


async def test_a_correct_server() -> None:
    assert await failed_over_calls(None, *ALL) == set()


@pytest.mark.parametrize(
    ("status", "other", "rules"),
    [
        (200, 204, {"webrtc.hangup"}),
        (400, 404, {"webrtc.hangup_unknown"}),
        (400, 200, {"webrtc.hangup_unknown", "webrtc.telephone_verbs"}),
    ],
)
async def test_another_status(status: int, other: int, rules: set[str]) -> None:
    def answered(given: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        return (other if given == status else given), headers, b"" if other == 204 and given == status else body

    assert await failed_over_calls(None, *ALL, answered=answered) == rules
