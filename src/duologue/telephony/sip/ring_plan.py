"""A call for tests: how the telephone rings, what its caller says and presses, and what came of it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.audio.wav import Sound
from duologue.telephony.sip.incoming import SipHeader

__all__ = ["KeyPress", "RingMoment", "RingPlan", "RingReport", "WebhookFault", "invite_headers", "over_the_line"]

WebhookFault: TypeAlias = Literal["twice", "unsigned", "wrong-secret", "stale"]
"""What is wrong with the webhook: it is sent again under the same id; it has no signature, or one by another secret; it
is ten minutes old."""

_NAME: Final = "duologue phone ring"


class KeyPress(Struct, frozen=True, kw_only=True):
    """The caller presses a key."""

    at_ms: int
    """From the moment at which the call is answered."""
    key: str


class RingPlan(Struct, frozen=True, kw_only=True):
    """What the telephone does."""

    webhook_url: str
    secret: str
    """Of the webhook: `whsec_…`."""
    caller: Sound
    """What the caller says when the call is answered; silence follows."""
    encoding: Encoding = PCM
    """What the network carries: `PCMU` and `PCMA` cut to 8 kHz, which needs the extra `audio`."""
    keys: tuple[KeyPress, ...] = ()
    webhook_fault: WebhookFault | None = None
    from_address: str = "<sip:+15550100@carrier.invalid>"
    to_address: str = "<sip:proj_test@sip.invalid>"
    headers: tuple[SipHeader, ...] = ()
    """More SIP headers of the INVITE."""
    ring_s: float = 20.0
    """How long the caller lets it ring: five rings."""
    answer_s: float = 15.0
    """How long the caller waits for an answer to what was said."""
    quiet_s: float = 2.0
    """How long it must be quiet behind an answer, for the caller to hang up: longer than the pauses of speech."""
    hang_up_after_s: float | None = None
    """From the answer to the caller's goodbye, whatever was heard; None: as the two above say."""

    def __repr__(self) -> str:
        return f"RingPlan(webhook_url={self.webhook_url!r}, caller=<{self.caller.duration_ms} ms>)"


class RingMoment(Struct, frozen=True):
    """Something that happened."""

    at_ms: int
    """From the first ring."""
    what: str


class RingReport(Struct, frozen=True, kw_only=True):
    """What came of it."""

    call_id: str
    webhook_statuses: tuple[int | None, ...]
    """How the application answered the webhook, each time; None: not at all."""
    sip_status: int
    """200: answered; 487: the caller gave up; what the application has chosen: it was declined."""
    ended_by: Literal["caller", "service", "transfer"] | None = None
    """Who ended an answered call."""
    referred_to: str | None = None
    """Where the carrier was asked to transfer the call."""
    first_sound_ms: int | None = None
    """From the end of the caller's speech to the first sound that is heard behind it; None: there was none."""
    heard: Sound = Sound(b"", PCM.rate_hz)
    """What the caller heard, from the answer to the end."""
    moments: tuple[RingMoment, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the call was accepted."""
        return self.sip_status == 200

    def happened(self, what: str) -> list[int]:
        """When something of this name happened, in milliseconds from the first ring."""
        return [moment.at_ms for moment in self.moments if moment.what.split(" ", 1)[0] == what]

    def __repr__(self) -> str:
        heard = f"heard=<{self.heard.duration_ms} ms>"
        return f"RingReport(sip_status={self.sip_status}, ended_by={self.ended_by!r}, {heard})"


def invite_headers(plan: RingPlan, call_id: str) -> tuple[SipHeader, ...]:
    """The SIP headers that the webhook tells of the INVITE."""
    pairs = {
        "From": plan.from_address,
        "To": plan.to_address,
        "Call-ID": call_id,
        "CSeq": "1 INVITE",
        "User-Agent": _NAME,
    }
    return (*(SipHeader(name=name, value=value) for name, value in pairs.items()), *plan.headers)


def over_the_line(sound: Sound, encoding: Encoding) -> Sound:
    """A clip at 24 kHz, as it sounds behind a network of this encoding.

    Raises:
        MissingExtra: the rate is another one, and the `audio` extra is not installed.
    """
    if encoding.rate_hz != sound.rate_hz:
        sound = sound.at(encoding.rate_hz)
    if encoding.bytes_per_sample == 1:
        sound = Sound(encoding.to_pcm16(encoding.from_pcm16(sound.pcm16)), sound.rate_hz)
    return sound if sound.rate_hz == PCM.rate_hz else sound.at(PCM.rate_hz)
