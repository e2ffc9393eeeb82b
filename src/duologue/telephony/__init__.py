"""Telephones: the legs of calls as carriers bring them, and what joins them with a conversation.

    async with duologue.converse(url) as conversation:
        await telephony.join(websocket, telephony.Twilio(), conversation)

Codecs: `Twilio`, `SignalWire`, `Telnyx`, `Plivo`, `Vonage`, `Asterisk`, `AsteriskPlain`, `AudioSocket`. Out of scope: a
SIP stack, and FreeSWITCH, whose modules differ from fork to fork.
"""

from duologue.telephony.bridge import Bridge
from duologue.telephony.codecs.asterisk import Asterisk, AsteriskPlain
from duologue.telephony.codecs.audiosocket import AudioSocket, AudioSocketSplitter
from duologue.telephony.codecs.leg_codec import LegCodec
from duologue.telephony.codecs.leg_events import (
    CallEnded,
    CallerAudio,
    CallStarted,
    Cleared,
    Digit,
    Flow,
    LegEvent,
    LegStatus,
    Played,
    UnknownLegFrame,
)
from duologue.telephony.codecs.media_streams import Plivo, SignalWire, Telnyx, Twilio
from duologue.telephony.codecs.traits import Traits
from duologue.telephony.codecs.vonage import Vonage
from duologue.telephony.control.call_control import (
    AsteriskControl,
    CallControl,
    PlivoControl,
    SignalWireControl,
    TelnyxControl,
    TwilioControl,
    VonageControl,
)
from duologue.telephony.joining import PhoneCall, accept, join
from duologue.telephony.line_clock import LineClock
from duologue.telephony.marked_playout import MarkedPlayout
from duologue.telephony.tcp.audiosocket_listener import AudioSocketListener, serve_audiosocket
from duologue.telephony.tcp.audiosocket_stream import AudioSocketStream

__all__ = [
    "Asterisk",
    "AsteriskControl",
    "AsteriskPlain",
    "AudioSocket",
    "AudioSocketListener",
    "AudioSocketSplitter",
    "AudioSocketStream",
    "Bridge",
    "CallControl",
    "CallEnded",
    "CallStarted",
    "CallerAudio",
    "Cleared",
    "Digit",
    "Flow",
    "LegCodec",
    "LegEvent",
    "LegStatus",
    "LineClock",
    "MarkedPlayout",
    "PhoneCall",
    "Played",
    "Plivo",
    "PlivoControl",
    "SignalWire",
    "SignalWireControl",
    "Telnyx",
    "TelnyxControl",
    "Traits",
    "Twilio",
    "TwilioControl",
    "UnknownLegFrame",
    "Vonage",
    "VonageControl",
    "accept",
    "join",
    "serve_audiosocket",
]
