"""The networks that a server takes calls of: how each speaks, what answers its calls, and where it names the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from duologue.telephony.codecs.asterisk import Asterisk, AsteriskPlain
from duologue.telephony.codecs.leg_codec import LegCodec
from duologue.telephony.codecs.media_streams import Plivo, SignalWire, Telnyx, Twilio
from duologue.telephony.codecs.vonage import Vonage
from duologue.telephony.serving.answer_pages import (
    WriteAnswer,
    plivo_xml,
    signalwire_xml,
    telnyx_xml,
    twilio_xml,
    vonage_ncco,
)

__all__ = ["NETWORKS", "Network"]


class Network(Struct, frozen=True, kw_only=True):
    """One network."""

    codec: Callable[[], LegCodec]
    answer: WriteAnswer | None = None
    """Writes its answer page; None: it asks for none."""
    caller: str = "From"
    """The field of its question that has the caller's number."""
    called: str = "To"


NETWORKS: Final[Mapping[str, Network]] = {
    "twilio": Network(codec=Twilio, answer=twilio_xml),
    "signalwire": Network(codec=SignalWire, answer=signalwire_xml),
    "telnyx": Network(codec=Telnyx, answer=telnyx_xml),
    "plivo": Network(codec=Plivo, answer=plivo_xml),
    "vonage": Network(codec=Vonage, answer=vonage_ncco, caller="from", called="to"),
    "asterisk": Network(codec=Asterisk),
    "asterisk-plain": Network(codec=AsteriskPlain),
}
