"""The fixture for telephone calls."""

from __future__ import annotations

import pytest

from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_CODE = """
    import asyncio
    import pytest
    from duologue.transports import memory_pair

    @pytest.mark.virtual_time
    async def test_a(phone_call, tone):
        theirs, ours = memory_pair()
        call = await phone_call(theirs, tone(200), patience_s=1)
        assert call.report.is_answered
"""


def test_a_test_that_fails_tells_its_calls_and_keeps_their_sound(pytester: pytest.Pytester) -> None:
    result = run(pytester, _CODE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*duologue telephone call 1 of 1*", "utterance 1: not answered", "over after 1.* s: *"]
    )
    (kept,) = pytester.path.glob(".duologue/**/phone-1.wav")
    assert kept.stat().st_size > 8_000
