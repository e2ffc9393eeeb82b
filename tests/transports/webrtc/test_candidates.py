"""What an answer says of the server."""

from __future__ import annotations

import pytest

from duologue.transports.webrtc.candidates import candidates_in, has_stream, usable, without_candidates


def sdp(*candidates: str) -> str:
    return "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=msid:- t\r\n" + "".join(
        f"a=candidate:{each}\r\n" for each in candidates
    )


def host(address: str, port: int = 40000) -> str:
    return f"1 1 udp 2130706431 {address} {port} typ host generation 0"


def test_candidates_are_read_in_order_and_once() -> None:
    text = sdp(host("10.0.0.2"), "2 1 tcp 1518280447 10.0.0.2 9 typ host tcptype active generation 0", host("10.0.0.2"))
    first, second = candidates_in(text)
    assert (first.protocol, first.address, first.port, first.kind) == ("udp", "10.0.0.2", 40000, "host")
    assert (second.protocol, second.port, second.tcp_type) == ("tcp", 9, "active")
    assert usable([first, second]) == [first]
    assert candidates_in("a=candidate:x\r\nhello") == []


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1", "the server's own machine alone"),
        ("172.17.0.2", "a bridge of Docker"),
        ("192.168.1.7", "a private network"),
        ("169.254.1.1", "one link"),
        ("8.8.8.8", "the internet"),
        ("0a1b.local", "a name"),
    ],
)
def test_places(address: str, place: str) -> None:
    assert candidates_in(sdp(host(address)))[0].place == place


@pytest.mark.parametrize(
    ("line", "holds"), [("a=msid:s t", True), ("a=msid:- t", False), ("a=msid:-", False), ("a=mid:0", False)]
)
def test_a_stream(line: str, holds: bool) -> None:
    assert has_stream(f"v=0\r\n{line}\r\n") is holds


def test_candidates_can_be_left_out() -> None:
    text = sdp(host("10.0.0.2"), host("10.0.0.3")) + "a=end-of-candidates\r\na=mid:0\r\n"
    assert without_candidates(text) == sdp() + "a=mid:0\r\n"
