"""Whether addresses can be reached from here."""

from __future__ import annotations

import pytest

from duologue.cli.doctor.candidates import judged_addresses
from duologue.transports.webrtc.candidates import candidates_in


def sdp(*candidates: str) -> str:
    return "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=msid:- t\r\n" + "".join(
        f"a=candidate:{each}\r\n" for each in candidates
    )


def host(address: str, port: int = 40000) -> str:
    return f"1 1 udp 2130706431 {address} {port} typ host generation 0"


@pytest.mark.parametrize(
    ("addresses", "reached", "remedy"),
    [
        ([], "8.8.8.8", "look at the server's log"),
        (["192.168.1.7"], "192.168.1.7", ""),
        (["192.168.1.7"], "127.0.0.1", ""),
        (["192.168.1.7"], None, ""),
        (["8.8.4.4"], "8.8.8.8", ""),
        (["10.1.0.4"], "8.8.8.8", "--public-address 8.8.8.8"),
        (["172.17.0.2"], "192.168.1.7", "-p 40000-40100:40000-40100/udp"),
    ],
)
def test_an_address_that_cannot_be_reached_from_here_is_told(
    addresses: list[str], reached: str | None, remedy: str
) -> None:
    verdict = judged_addresses(candidates_in(sdp(*map(host, addresses))), reached=reached)
    assert remedy in verdict.remedy
    assert bool(remedy) == bool(verdict.remedy)


def test_many_addresses_are_cut() -> None:
    verdict = judged_addresses(candidates_in(sdp(*(host(f"10.0.0.{n}") for n in range(1, 100)))), reached=None)
    assert verdict.happened.endswith("and 60 more")
