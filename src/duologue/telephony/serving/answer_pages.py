"""Answer pages: what tells a network to connect a call with the server's socket, and what tells it that we are busy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import quoteattr

import msgspec
from msgspec import Struct

__all__ = [
    "AnswerPage",
    "CallStream",
    "WriteAnswer",
    "plivo_xml",
    "signalwire_xml",
    "telnyx_xml",
    "twilio_xml",
    "vonage_ncco",
]

_XML: Final = "text/xml; charset=utf-8"
_JSON: Final = "application/json"

_MAX_NUMBER: Final = 128
"""Characters of a number as a network tells it: sixteen, and a SIP address has some fifty."""


class CallStream(Struct, frozen=True, kw_only=True):
    """The socket for one call."""

    url: str
    """`wss://`, without a ticket."""
    ticket: str = ""
    caller: str = ""
    called: str = ""

    @property
    def url_with_ticket(self) -> str:
        """For networks that have no other place for a ticket."""
        return f"{self.url}/{self.ticket}" if self.ticket else self.url


class AnswerPage(Struct, frozen=True):
    """A page."""

    content_type: str
    body: bytes


WriteAnswer: TypeAlias = Callable[[CallStream | None], AnswerPage]
"""A network's page for a stream; None: the server takes no more calls."""


def twilio_xml(stream: CallStream | None) -> AnswerPage:
    """TwiML. The caller's number comes back as a parameter: Twilio's own first message does not have it."""
    if stream is None:
        return _xml('<Reject reason="busy"/>')
    return _xml(f"<Connect>{_stream({'url': stream.url_with_ticket}, _numbers(stream))}</Connect>")


def signalwire_xml(stream: CallStream | None) -> AnswerPage:
    """cXML. With `realtime` SignalWire evens out delays of packets."""
    if stream is None:
        return _xml('<Reject reason="busy"/>')
    attributes = {"url": stream.url, "authBearerToken": stream.ticket, "realtime": "true"}
    return _xml(f"<Connect>{_stream(attributes, _numbers(stream))}</Connect>")


def telnyx_xml(stream: CallStream | None) -> AnswerPage:
    """TeXML. Without the mode `rtp` everything that is sent would be dropped."""
    if stream is None:
        return _xml('<Reject reason="busy"/>')
    attributes = {"url": stream.url_with_ticket, "bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU"}
    return _xml(f"<Connect>{_stream(attributes)}</Connect>")


def plivo_xml(stream: CallStream | None) -> AnswerPage:
    """Plivo's XML; the URL is the element's text."""
    if stream is None:
        return _xml('<Hangup reason="busy"/>')
    attributes = {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
    url = quoteattr(stream.url_with_ticket)[1:-1]
    return _xml(f"<Stream{_written(attributes)}>{url}</Stream>")


def vonage_ncco(stream: CallStream | None) -> AnswerPage:
    """An NCCO; one without actions ends the call. Vonage has linear audio only: 8 kHz is what telephones have."""
    if stream is None:
        return AnswerPage(_JSON, b"[]")
    endpoint = {
        "type": "websocket",
        "uri": stream.url_with_ticket,
        "content-type": "audio/l16;rate=8000",
        "headers": _numbers(stream),
    }
    actions: list[dict[str, Any]] = [{"action": "connect", "endpoint": [endpoint]}]
    return AnswerPage(_JSON, msgspec.json.encode(actions))


def _numbers(stream: CallStream) -> dict[str, str]:
    """As parameters, without what XML cannot hold (XML 1.0, section 2.2): a caller may write anything into a number."""
    numbers = {"caller": stream.caller, "called": stream.called}
    shown = {name: "".join(filter(str.isprintable, number))[:_MAX_NUMBER] for name, number in numbers.items()}
    return {name: number for name, number in shown.items() if number}


def _stream(attributes: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> str:
    inner = "".join(
        f"<Parameter{_written({'name': name, 'value': each})}/>" for name, each in (parameters or {}).items()
    )
    return f"<Stream{_written(attributes)}>{inner}</Stream>"


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value)


def _xml(inner: str) -> AnswerPage:
    return AnswerPage(_XML, f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{inner}</Response>\n'.encode())
