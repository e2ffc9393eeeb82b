"""Servers that pages of other origins cannot use."""

from __future__ import annotations

import pytest

from tests.conformance._calls import Answered, failed_over_calls

ALL = {"webrtc.preflight", "webrtc.exposes_location", "webrtc.errors_to_pages"}


def without(*names: str, **changed: str) -> Answered:
    def change(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        kept = {name: value for name, value in headers.items() if name not in names}
        return status, {**kept, **{name.replace("_", "-"): value for name, value in changed.items()}}, body

    return change


@pytest.mark.parametrize(
    ("removed", "changed", "rules"),
    [
        ((), {}, set()),
        (("access-control-allow-origin",), {}, ALL),
        (("access-control-allow-headers",), {}, {"webrtc.preflight"}),
        ((), {"access_control_allow_headers": "*"}, {"webrtc.preflight"}),
        (("access-control-expose-headers",), {}, {"webrtc.exposes_location"}),
    ],
)
async def test_a_header_that_is_missing(removed: tuple[str, ...], changed: dict[str, str], rules: set[str]) -> None:
    answered = without(*removed, **changed)
    assert await failed_over_calls(None, "webrtc.preflight", answered=answered) == rules
