"""Frames as the vendors' documents show them, by codec; audio is shortened."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Final

from duologue.telephony import (
    Asterisk,
    AsteriskPlain,
    AudioSocket,
    LegCodec,
    Plivo,
    SignalWire,
    Telnyx,
    Twilio,
    Vonage,
)

__all__ = ["CODECS", "FRAMES", "started"]

_AUDIO: Final = base64.b64encode(bytes(range(160))).decode()

_TWILIO: Final = (
    '{"event":"connected","protocol":"Call","version":"1.0.0"}',
    '{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1",'
    '"tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},'
    '"customParameters":{"FirstName":"Jane","RemoteParty":"Bob"}},"streamSid":"MZ1"}',
    '{"event":"media","sequenceNumber":"3","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"'
    + _AUDIO
    + '"},"streamSid":"MZ1"}',
    '{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}',
    '{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"1.2"}}',
    '{"event":"stop","sequenceNumber":"6","stop":{"accountSid":"AC1","callSid":"CA1"},"streamSid":"MZ1"}',
)
_TELNYX: Final = (
    '{"event":"connected","version":"1.0.0"}',
    '{"event":"start","sequence_number":"1","start":{"user_id":"u1","call_control_id":"v3:c1","call_session_id":"s1",'
    '"from":"+15551230042","to":"+15559990000","client_state":"aGV5","custom_parameters":{"a":"b"},'
    '"media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}},"stream_id":"m1"}',
    '{"event":"media","sequence_number":"4","media":{"track":"inbound","chunk":"2","timestamp":"5","payload":"'
    + _AUDIO
    + '"},"stream_id":"m1"}',
    '{"event":"dtmf","stream_id":"m1","occurred_at":"2026-01-01T00:00:00Z","sequence_number":"5","dtmf":{"digit":"#"}}',
    '{"event":"mark","sequence_number":"4","stream_id":"m1","mark":{"name":"1.2"}}',
    '{"event":"error","payload":{"code":100002,"title":"unknown_error","detail":"…"},"stream_id":"m1"}',
    '{"event":"stop","sequence_number":"6","stop":{"user_id":"u1","call_control_id":"v3:c1"},"stream_id":"m1"}',
)
_PLIVO: Final = (
    '{"event":"start","sequenceNumber":0,"start":{"callId":"c1","streamId":"s1","accountId":"a1","tracks":["inbound"],'
    '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"extra_headers":"{}"}',
    '{"event":"media","sequenceNumber":1,"streamId":"s1","media":{"track":"inbound","chunk":1,"timestamp":'
    '"1700000000000","payload":"' + _AUDIO + '"}}',
    '{"event":"dtmf","sequenceNumber":2,"streamId":"s1","dtmf":{"track":"inbound","digit":"5","timestamp":"5"}}',
    '{"event":"playedStream","sequenceNumber":3,"streamId":"s1","name":"1.2"}',
    '{"event":"clearedAudio","sequenceNumber":4,"streamId":"s1"}',
    '{"event":"stop","sequenceNumber":5,"streamId":"s1","stop":{"callId":"c1"}}',
)
_VONAGE: Final[tuple[str | bytes, ...]] = (
    '{"event":"websocket:connected","content-type":"audio/l16;rate=16000","uuid":"u1","customer":"ABC123"}',
    bytes(640),
    '{"event":"websocket:dtmf","digit":"5","duration":260}',
    '{"event":"websocket:cleared"}',
    '{"event":"websocket:notify","payload":{"name":"1.2"}}',
)
_ASTERISK: Final[tuple[str | bytes, ...]] = (
    '{"event":"MEDIA_START","connection_id":"duologue","channel":"WebSocket/duologue/0x1","channel_id":"1.2",'
    '"format":"ulaw","optimal_frame_size":160,"ptime":20,"channel_variables":{"A":"b"}}',
    bytes(160),
    '{"event":"DTMF_END","channel_id":"1.2","digit":"1"}',
    '{"event":"MEDIA_MARK_PROCESSED","correlation_id":"1.2"}',
    '{"event":"MEDIA_XOFF"}',
    '{"event":"MEDIA_XON"}',
    '{"event":"QUEUE_DRAINED"}',
    '{"event":"STATUS","queue_length":150,"xon_level":800,"xoff_level":900,"queue_full":false,"bulk_media":false,'
    '"media_paused":false}',
)
_PLAIN: Final[tuple[str | bytes, ...]] = (
    "MEDIA_START connection_id:e226 channel:WebSocket/c channel_id:pbx-1.9 format:ulaw optimal_frame_size:160 ptime:20",
    bytes(160),
    "DTMF_END channel_id:1.2 digit:1",
    "MEDIA_MARK_PROCESSED 1.2",
    "MEDIA_XOFF",
    "MEDIA_XON",
    "STATUS queue_length:43 xon_level:800 xoff_level:900 queue_full:false bulk_media:true media_paused:false",
)


def _message(kind: int, payload: bytes) -> bytes:
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


_AUDIOSOCKET: Final = (
    _message(0x01, uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13").bytes),
    _message(0x10, bytes(range(160)) * 2),
    _message(0x03, b"#"),
    _message(0xFF, b"\x01"),
    _message(0x00, b""),
)

CODECS: Final[dict[str, Callable[[], LegCodec]]] = {
    "twilio": Twilio,
    "signalwire": SignalWire,
    "telnyx": Telnyx,
    "plivo": Plivo,
    "vonage": Vonage,
    "asterisk": Asterisk,
    "asterisk-plain": AsteriskPlain,
    "audiosocket": AudioSocket,
}

FRAMES: Final[dict[str, tuple[str | bytes, ...]]] = {
    "twilio": _TWILIO,
    "signalwire": _TWILIO,
    "telnyx": _TELNYX,
    "plivo": _PLIVO,
    "vonage": _VONAGE,
    "asterisk": _ASTERISK,
    "asterisk-plain": _PLAIN,
    "audiosocket": _AUDIOSOCKET,
}
"""In the order of a call, each as the carrier sends it."""


def started(name: str) -> LegCodec:
    """A codec whose call has started."""
    codec = CODECS[name]()
    for frame in FRAMES[name][:2]:
        codec.decode(frame)
    return codec
