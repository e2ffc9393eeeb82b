from __future__ import annotations

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.sounding import sounding_ms
from duologue.audio.wav import Sound
from duologue.telephony.sip import SipHeader
from duologue.telephony.sip.ring_plan import RingMoment, RingPlan, RingReport, invite_headers, over_the_line
from duologue.testing.sounds import silence, tone

CALLER = Sound(tone(300) + silence(300), 24_000)


def test_the_invite_names_both_ends_and_what_the_plan_adds() -> None:
    more = (SipHeader(name="X-Order", value="7"),)
    plan = RingPlan(webhook_url="http://x", secret="s", caller=CALLER, from_address="<tel:+1>", headers=more)
    found = {header.name: header.value for header in invite_headers(plan, "rtc_1")}
    assert (found["From"], found["Call-ID"], found["X-Order"]) == ("<tel:+1>", "rtc_1", "7")
    assert "'s'" not in repr(plan)


@pytest.mark.parametrize("encoding", [PCM, PCMU, PCMA])
def test_the_line_keeps_the_length_and_the_rate_of_the_server(encoding: Encoding) -> None:
    heard = over_the_line(CALLER, encoding)
    assert (heard.rate_hz, heard.duration_ms) == (24_000, 600)
    assert abs(sounding_ms(heard.pcm16, PCM)[1] - 300) <= 20


def test_a_clip_at_the_rate_of_the_server_is_not_touched() -> None:
    assert over_the_line(CALLER, PCM) == CALLER


def test_a_report_finds_its_moments_by_their_first_word() -> None:
    moments = (RingMoment(0, "ring"), RingMoment(20, "key 1"), RingMoment(40, "key 2"))
    report = RingReport(call_id="rtc_1", webhook_statuses=(200,), sip_status=200, moments=moments)
    assert (report.happened("key"), report.answered) == ([20, 40], True)
    assert repr(report) == "RingReport(sip_status=200, ended_by=None, heard=<0 ms>)"
