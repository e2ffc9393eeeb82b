from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft
from duologue.transports.webrtc.sdp import (
    MAX_SDP_BYTES,
    NO_LIMIT_BYTES,
    checked_answer,
    checked_offer,
    max_message_bytes,
    public_sdp,
    redundancy_first,
    with_retransmission,
)

_HERE = Path(__file__).parent / "offers"
_OFFERS = sorted(_HERE.glob("*.sdp"))

_OFFER = """\
v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2122260223 10.0.0.7 50000 typ host
a=end-of-candidates
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=max-message-size:262144
"""

_OWN = """\
v=0
m=audio 40000 UDP/TLS/RTP/SAVPF 111
c=IN IP4 10.0.0.7
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2122260223 10.0.0.7 40000 typ host generation 0
a=candidate:2 1 udp 2122262783 fd00::2 40001 typ host generation 0
a=candidate:3 1 tcp 1518214911 10.0.0.7 9 typ host tcptype active generation 0
a=ice-ufrag:abcd
"""


@pytest.mark.parametrize("path", _OFFERS, ids=lambda path: path.stem)
def test_offers_of_browsers_pass_without_their_candidates(path: Path) -> None:
    offer = path.read_text(encoding="utf-8")
    checked = checked_offer(offer)
    assert "candidate" not in checked.replace("candidate-pool", "")
    kept = [line for line in offer.splitlines() if line and "candidate" not in line]
    assert [line.replace("opus/16000/1", "opus/48000/2") for line in kept] == checked.split("\r\n")[:-1]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("v=0\n", "", "v=0"),
        ("opus", "speex", "Opus"),
        ("m=audio 9", "m=audio 0", "Opus"),
        ("SAVPF 111 0", "SAVPF 0", "Opus"),
        ("m=audio", "m=video", "Opus"),
        ("a=end-of-candidates\n", "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 3, "5 media sections"),
        ("s=-\n", "s=-\n" + "a=x\n" * 3000, "lines"),
        ("s=-\n", "s=" + "x" * MAX_SDP_BYTES + "\n", "bytes"),
        ("s=-\n", "s=" + "é" * (MAX_SDP_BYTES // 2) + "\n", "bytes"),
        ("s=-\n", "s=\x1b[2J\n", "control"),
        ("s=-\n", "s=" + "x" * 3000 + "\n", "2000 characters"),
    ],
)
def test_offers_that_cannot_be_used_are_refused_with_a_reason(old: str, new: str, why: str) -> None:
    checked_offer(_OFFER)
    with pytest.raises(InvalidOffer, match=why):
        checked_offer(_OFFER.replace(old, new, 1))


@pytest.mark.parametrize("rate", ["opus/16000/1", "OPUS/48000", "opus/24000/2", "opus/48000/2"])
def test_opus_is_written_as_stacks_know_it(rate: str) -> None:
    assert "a=rtpmap:111 opus/48000/2\r\n" in checked_offer(_OFFER.replace("opus/48000/2", rate))


def test_redundancy_is_preferred_where_it_is_offered() -> None:
    chromium, firefox = (
        checked_offer((_HERE / f"{name}.sdp").read_text(encoding="utf-8")) for name in ("chromium", "firefox")
    )
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 9 0 8 13 110 126\r\n" in redundancy_first(chromium)
    assert redundancy_first(firefox) == firefox
    assert with_retransmission(firefox) == firefox
    asked = with_retransmission(chromium)
    assert "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n" in asked
    assert asked.replace("a=rtcp-fb:111 nack\r\n", "") == chromium


def test_lines_may_end_in_any_way() -> None:
    assert checked_offer(_OFFER) == checked_offer(_OFFER.replace("\n", "\r\n")) == checked_offer(_OFFER.rstrip())


def test_an_answer_keeps_its_candidates() -> None:
    assert "10.0.0.7 50000" in checked_answer(_OFFER)
    with pytest.raises(InvalidOffer):
        checked_answer("no answer")
    with pytest.raises(InvalidOffer, match="sections"):
        checked_answer(_OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 3)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("a=max-message-size:262144", 262_144),
        ("a=max-message-size:1073741823", 1_073_741_823),
        ("a=max-message-size:0", NO_LIMIT_BYTES),
        ("a=max-message-size:99999999999", NO_LIMIT_BYTES),
        ("a=max-message-size:-5", 65_536),
        ("a=max-message-size:many", 65_536),
        ("a=sctp-port:5000", 65_536),
    ],
)
def test_the_longest_message_is_read_from_the_description(line: str, size: int) -> None:
    assert max_message_bytes(_OFFER.replace("a=max-message-size:262144", line)) == size


def test_candidates_that_only_call_out_are_left_out() -> None:
    assert [line.split(" ")[4] for line in public_sdp(_OWN).split("\r\n") if "candidate" in line] == [
        "10.0.0.7",
        "fd00::2",
    ]


@pytest.mark.parametrize(
    ("address", "left"), [("203.0.113.9", ["203.0.113.9 40000"]), ("2001:db8::9", ["2001:db8::9 40001"])]
)
def test_a_public_address_replaces_those_of_its_family(address: str, left: list[str]) -> None:
    rewritten = public_sdp(_OWN, public_address=address)
    assert re.findall(r"a=candidate:\d 1 udp \d+ (\S+ \d+) typ", rewritten) == left
    assert "10.0.0.7" not in rewritten
    assert "fd00::2" not in rewritten


def test_a_public_address_of_another_family_replaces_all() -> None:
    only_ipv4 = _OWN.replace("fd00::2", "10.0.0.8")
    assert "10.0.0." not in public_sdp(only_ipv4, public_address="2001:db8::9")


def test_a_description_without_a_candidate_means_that_no_port_is_left() -> None:
    without = "".join(line for line in _OWN.splitlines(keepends=True) if " udp " not in line)
    with pytest.raises(NoPortsLeft):
        public_sdp(without)


@given(st.text(max_size=300) | st.lists(st.sampled_from(_OFFER.splitlines()), max_size=30).map("\n".join))
def test_any_text_is_taken_or_refused(text: str) -> None:
    for check in (checked_offer, checked_answer):
        try:
            checked = check(text)
        except InvalidOffer:
            continue
        assert checked.startswith("v=0\r\n")
        assert check(checked) == checked
    assert max_message_bytes(text) > 0
