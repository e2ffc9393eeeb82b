"""Session descriptions as text: what is refused, left out and rewritten before a stack or the other end sees them."""

from __future__ import annotations

import ipaddress
import re
from itertools import pairwise
from typing import Final

from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft

__all__ = [
    "MAX_SDP_BYTES",
    "NO_LIMIT_BYTES",
    "checked_answer",
    "checked_offer",
    "max_message_bytes",
    "public_sdp",
    "redundancy_first",
    "with_retransmission",
]

MAX_SDP_BYTES: Final = 65_536
"""An offer of Chromium with video and all its codecs has 8 KiB."""

NO_LIMIT_BYTES: Final = (1 << 30) - 1
"""What stands for "no limit" and for more than this: Firefox's own number."""

_DEFAULT_MESSAGE_BYTES: Final = 65_536
"""RFC 8841, section 6: where the attribute is missing."""

_MAX_SECTIONS: Final = 4
"""Sound, events, and up to two of video, which are declined. A section costs the stack a transceiver, or a port."""

_MAX_LINES: Final = 2_000
"""Chromium's offers with video have 200."""

_MAX_LINE: Final = 2_000
"""Of characters; the longest of browsers are formats of video, with 200."""

_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")
_OPUS: Final = re.compile(r"a=rtpmap:(\d{1,3}) opus/", re.IGNORECASE)
_ODD_OPUS: Final = re.compile(r"(a=rtpmap:\d{1,3} )opus/(?!48000/2$).*", re.IGNORECASE)
"""Small devices name the rate that they mean. RFC 7587, section 7: it is always 48000/2; stacks take nothing else."""
_RED: Final = re.compile(r"a=rtpmap:(\d{1,3}) red/48000/2", re.IGNORECASE)
_MESSAGE_SIZE: Final = re.compile(r"a=max-message-size:(\d{1,19})")
_CONNECTION: Final = re.compile(r"(c=|a=rtcp:\d+ )IN IP[46] \S+")


def checked_offer(offer: str, /) -> str:
    """The offer as a stack may see it: without candidates, every line with its end.

    The other end checks the candidates of this one, so its own are not needed; and none can have this machine send
    packets to an address of another's choice, or look a name up.

    Raises:
        InvalidOffer: no SDP, too long, too many sections, or no Opus.
    """
    lines = _lines(offer)
    sections = _sections(lines)
    if len(sections) > _MAX_SECTIONS:
        raise InvalidOffer(f"Invalid SDP offer: {len(sections)} media sections; at most {_MAX_SECTIONS} are taken.")
    if not any(_has_opus(section) for section in sections):
        raise InvalidOffer("Invalid SDP offer: it has no audio section with the codec Opus.")
    kept = (line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))
    return _text([_ODD_OPUS.sub(r"\1opus/48000/2", line) for line in kept])


def redundancy_first(offer: str, /) -> str:
    """The checked offer with the format RED before Opus in its audio sections, where it has both.

    RED (RFC 2198) sends each piece of Opus again with the next one. Browsers of Chromium offer it behind Opus, and send
    it where the answer prefers it: of 15 % of lost packets 2 % are left, for 32 kbit/s and no delay.
    """
    lines = _lines(offer)
    red = {found[1] for line in lines if (found := _RED.fullmatch(line))}
    return _text([_preferred(line, red) if line.startswith("m=audio ") else line for line in lines])


def with_retransmission(description: str, /) -> str:
    """The offer or answer with `nack` for Opus, where it has RED too: an end asks for packets that are lost twice.

    libwebrtc's ends do it when they read it in the other end's description, and browsers of Chromium do not offer it by
    themselves. It takes a round trip, which the jitter buffer has to be longer than: on a way that loses so much it is.
    Ends without RED, such as Firefox, are left alone: an answer must not name what was not offered (RFC 4585, 4.2).
    """
    lines = _lines(description)
    if not any(map(_RED.fullmatch, lines)):
        return _text(lines)
    asked = [(line, found[1] if (found := _OPUS.match(line)) else None) for line in lines]
    return "".join(f"{line}\r\n" + (f"a=rtcp-fb:{opus} nack\r\n" if opus else "") for line, opus in asked)


def checked_answer(answer: str, /) -> str:
    """The answer of another end, every line with its end. Its candidates stay: they are the way to it.

    Raises:
        InvalidOffer: no SDP, too long, or too many sections.
    """
    lines = _lines(answer)
    if len(_sections(lines)) > _MAX_SECTIONS:
        raise InvalidOffer(f"Invalid SDP answer: more than {_MAX_SECTIONS} media sections.")
    return _text(lines)


def max_message_bytes(sdp: str, /) -> int:
    """The longest message that the end which wrote this takes on its data channel (RFC 8841)."""
    sizes = [int(found[1]) for line in _LINE_BREAK.split(sdp) if (found := _MESSAGE_SIZE.fullmatch(line.strip()))]
    if not sizes:
        return _DEFAULT_MESSAGE_BYTES
    return min(sizes[-1] or NO_LIMIT_BYTES, NO_LIMIT_BYTES)


def public_sdp(sdp: str, /, *, public_address: str | None = None) -> str:
    """The own description as the other end gets it.

    Candidates that only call out over TCP are left out: a browser's do nothing else either. With `public_address`, the
    candidates of its family name it in place of the machine's own, and the others are left out; if none has its family,
    all name it.

    Raises:
        NoPortsLeft: it has no candidate, so that the other end could never reach this one.
    """
    lines = [line for line in _lines(sdp) if not (line.startswith("a=candidate:") and " tcptype active" in line)]
    candidates = {line for line in lines if line.startswith("a=candidate:")}
    if not candidates:
        raise NoPortsLeft("no UDP port could be opened: all of the range are taken, or this machine has no network")
    if public_address is None:
        return _text(lines)
    family = ipaddress.ip_address(public_address).version
    of_family = {line for line in candidates if _family(line) == family} or candidates
    return _text([_renamed(line, public_address, family) for line in lines if line not in candidates - of_family])


def _lines(sdp: str) -> list[str]:
    if len(sdp) > MAX_SDP_BYTES or (not sdp.isascii() and len(sdp.encode(errors="replace")) > MAX_SDP_BYTES):
        raise InvalidOffer(f"Invalid SDP: more than {MAX_SDP_BYTES} bytes.")
    lines = [line for line in _LINE_BREAK.split(sdp.strip()) if line]
    if not lines or lines[0] != "v=0":
        raise InvalidOffer("Invalid SDP: not a WHIP-compliant offer or answer, which begins with the line v=0.")
    if len(lines) > _MAX_LINES or max(map(len, lines)) > _MAX_LINE:
        raise InvalidOffer(f"Invalid SDP: more than {_MAX_LINES} lines, or a line of more than {_MAX_LINE} characters.")
    if not all(map(str.isprintable, lines)):
        # libwebrtc quotes lines that it does not like on the process's standard error.
        raise InvalidOffer("Invalid SDP: it has control characters.")
    return lines


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _sections(lines: list[str]) -> list[list[str]]:
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    return [lines[start:end] for start, end in pairwise([*starts, len(lines)])]


def _has_opus(section: list[str]) -> bool:
    """Whether it is an accepted section of audio, and names Opus among its own payload types."""
    kind, port, *rest = [*section[0].removeprefix("m=").split(" "), ""]
    if kind != "audio" or port == "0":
        return False
    opus = {found[1] for line in section if (found := _OPUS.match(line))}
    return not opus.isdisjoint(rest[1:])


def _preferred(section: str, formats: set[str]) -> str:
    words = section.split(" ")
    return " ".join([*words[:3], *sorted(words[3:], key=lambda word: word not in formats)])


def _family(candidate: str) -> int | None:
    try:
        return ipaddress.ip_address(candidate.split(" ")[4]).version
    except (IndexError, ValueError):  # a name
        return None


def _renamed(line: str, address: str, family: int) -> str:
    if line.startswith("a=candidate:"):
        fields = line.split(" ")
        return " ".join([*fields[:4], address, *fields[5:]])
    return _CONNECTION.sub(rf"\g<1>IN IP{family} {address}", line)
