"""Calls of the carrier over memory pairs, in virtual time, in every protocol."""

from __future__ import annotations

import pytest

from duologue.telephony.carrier import CallPlan
from duologue.telephony.carrier.networks import NETWORKS
from tests.telephony.carrier._calls import SHORT, joined_call, says

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("protocol", NETWORKS)
async def test_a_caller_is_answered_twice_and_hangs_up(protocol: str) -> None:
    async with joined_call(protocol, CallPlan(says=says(None, None)), responses=[SHORT]) as joined:
        report = await joined.call.run()
    print(report)
    assert report.is_answered
    assert report.ended_by == "caller"
    assert report.problems == []
    assert joined.errors == []
