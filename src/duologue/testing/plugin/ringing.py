"""A fixture: a telephone that rings at an application, with our server in the place of OpenAI's SIP.

def test_my_number(my_application, ring_phone):          # which has realtime_server.base_url as its service
    report = ring_phone(my_application.webhook_url, secret="whsec_dGVzdA==")
    assert report.answered and report.first_sound_ms < 1500
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from duologue.telephony.sip.ring_plan import RingReport
    from duologue.testing.served import RealtimeServer, ServerThread

__all__ = ["ring_phone"]

_SAID_MS: Final = 600
_LONGEST_S: Final = 120.0
"""Of one call: a test that takes longer than that is about something else."""


@pytest.fixture
def ring_phone(realtime_server: RealtimeServer, duologue_thread: ServerThread) -> Callable[..., RingReport]:
    """`ring_phone(webhook_url, secret=…)`: a call to the application there, from its first ring to its end.

    The other keywords are the fields of `RingPlan`, such as `keys`, `webhook_fault="twice"` or `caller`, by default a
    sound that the engines of `realtime_server` hear. It blocks: an async test whose own loop serves the application
    awaits `asyncio.to_thread(ring_phone, …)`.
    """

    def ring_at(webhook_url: str, **plan: Any) -> RingReport:
        from duologue.audio.wav import Sound
        from duologue.telephony.sip.ring_plan import RingPlan
        from duologue.telephony.sip.ringing import ring
        from duologue.testing.sounds import tone

        plan.setdefault("caller", Sound(tone(_SAID_MS), 24_000))
        made = RingPlan(webhook_url=webhook_url, **plan)
        return duologue_thread.call(lambda: ring(realtime_server.app, made), timeout_s=_LONGEST_S)

    return ring_at
