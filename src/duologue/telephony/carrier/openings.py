"""How each network opens a call: what it asks the answer page, what it reads there, and what its socket shows.

    answer_question · read_answer     over HTTP, where a URL of `http` or `https` answers the number
    socket_opening                    the socket's headers, with the signature or the token of the network

Sources: the vendors' pages on webhooks and on media streaming, as of autumn 2026.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree

import msgspec
from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.telephony.carrier.networks import CallIds
from duologue.telephony.codecs.frame_shapes import FrameFault
from duologue.telephony.codecs.leg_codec import encoding_of
from duologue.telephony.signatures import sign_plivo, sign_twilio, sign_vonage

__all__ = ["AnswerQuestion", "CallCredentials", "SocketOpening", "answer_question", "read_answer", "socket_opening"]

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_RATE: Final = re.compile(r"audio/l16;\s*rate=(\d{4,6})")
_MOST_PARAMETERS: Final = 100
"""Of a page; carriers allow fewer."""


class CallCredentials(Struct, frozen=True, kw_only=True):
    """What signs a call. `nonce` is fresh for each; `now_unix_s` is the date of it."""

    secret: str
    """The network's: an auth token, a signature secret, a password; empty: nothing is signed."""
    now_unix_s: float
    nonce: str

    def __repr__(self) -> str:
        return f"CallCredentials(secret={'(hidden)' if self.secret else ''!r})"


class AnswerQuestion(Struct, frozen=True, kw_only=True):
    """The request for the answer page."""

    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"


class SocketOpening(Struct, frozen=True, kw_only=True):
    """The socket that an answer page names."""

    url: str
    token: str = ""
    """What the page says the socket has to show."""
    parameters: Mapping[str, str] = {}
    encoding: Encoding | None = None


def socket_opening(protocol: str, url: str, credentials: CallCredentials, *, token: str = "") -> dict[str, str]:
    """Headers of the handshake. `token` is that of the answer page, and stands for the secret there."""
    if token:
        return {"Authorization": f"Bearer {token}"}
    write = _HANDSHAKES.get(protocol)
    return write(url, credentials) if write is not None and credentials.secret else {}


def answer_question(protocol: str, url: str, ids: CallIds, credentials: CallCredentials) -> AnswerQuestion:
    """What the network asks when a call comes in. Raises ValueError where it asks nothing, or signs as we cannot."""
    match protocol:
        case "twilio" | "signalwire":
            form = {"CallSid": ids.call_id, "From": ids.caller, "To": ids.called, "CallStatus": "ringing"}
            header = "X-Twilio-Signature" if protocol == "twilio" else "X-SignalWire-Signature"
            signature = sign_twilio(url, form, secret=credentials.secret)
            return _question(url, form, {header: signature} if credentials.secret else {})
        case "plivo":
            form = {"CallUUID": ids.call_id, "From": ids.caller, "To": ids.called, "CallStatus": "ringing"}
            return _question(url, form, _plivo("POST", url, credentials, form))
        case "vonage":
            fields = {"uuid": ids.call_id, "conversation_uuid": "CON-0001", "from": ids.caller, "to": ids.called}
            asked = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
            return AnswerQuestion(url=asked, headers=_vonage(credentials), method="GET")
        case _:
            raise ValueError(f"{protocol} is called at its socket: give a URL of ws or wss, not of an answer page")


def read_answer(protocol: str, body: bytes) -> SocketOpening:
    """The socket that an answer page names. Raises ValueError for a page that connects the call with none."""
    return _read_ncco(body) if protocol == "vonage" else _read_xml(body)


def _question(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> AnswerQuestion:
    return AnswerQuestion(url=url, headers={**_FORM, **headers}, body=urlencode(form).encode("ascii"))


# --- pages


def _read_xml(body: bytes) -> SocketOpening:
    if b"<!" in body:  # no answer has a DOCTYPE, whose entities might grow
        raise ValueError("the answer page is no plain XML")
    try:
        stream = ElementTree.fromstring(body).find(".//Stream")
    except ElementTree.ParseError:
        raise ValueError("the answer page is no XML") from None
    url = (stream.get("url") or stream.text or "").strip() if stream is not None else ""
    if stream is None or not url:
        raise ValueError("the answer page connects the call with no <Stream>")
    parameters = {
        each.get("name", ""): each.get("value", "") for each in stream.findall("Parameter")[:_MOST_PARAMETERS]
    }
    return SocketOpening(url=url, token=stream.get("authBearerToken") or "", parameters=parameters)


def _read_ncco(body: bytes) -> SocketOpening:
    try:
        actions: Any = msgspec.json.decode(body)
        endpoint = next(each["endpoint"][0] for each in actions if each["action"] == "connect")
        url, content_type = str(endpoint["uri"]), str(endpoint["content-type"])
        headers = {str(name): str(value) for name, value in dict(endpoint.get("headers") or {}).items()}
    except (msgspec.MsgspecError, RecursionError, LookupError, TypeError, AttributeError, ValueError, StopIteration):
        raise ValueError("the answer page connects the call with no endpoint of type websocket") from None
    found = _RATE.fullmatch(content_type)
    try:
        encoding = encoding_of("audio/l16", int(found[1]) if found is not None else 0)
    except FrameFault as fault:
        raise ValueError(f"the answer page's content-type: {fault}") from None
    return SocketOpening(url=url, parameters=headers, encoding=encoding)


# --- what shows who calls


def _twilio(url: str, credentials: CallCredentials) -> dict[str, str]:
    return {"X-Twilio-Signature": sign_twilio(url, secret=credentials.secret)}


def _plivo(
    method: str, url: str, credentials: CallCredentials, form: Mapping[str, str] | None = None
) -> dict[str, str]:
    if not credentials.secret:
        return {}
    signature = sign_plivo(method, url, form, secret=credentials.secret, nonce=credentials.nonce)
    return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": credentials.nonce}


def _vonage(credentials: CallCredentials) -> dict[str, str]:
    if not credentials.secret:
        return {}
    claims: dict[str, object] = {"iat": int(credentials.now_unix_s), "jti": credentials.nonce, "iss": "Vonage"}
    return _bearer(sign_vonage(claims, secret=credentials.secret))


def _asterisk(url: str, credentials: CallCredentials) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'asterisk:{credentials.secret}'.encode()).decode('ascii')}"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


_HANDSHAKES: Final[Mapping[str, Callable[[str, CallCredentials], dict[str, str]]]] = {
    "twilio": _twilio,
    "signalwire": lambda url, credentials: _bearer(credentials.secret),
    "telnyx": lambda url, credentials: {"x-telnyx-streaming-auth-token": credentials.secret},
    "plivo": lambda url, credentials: _plivo("GET", url, credentials),
    "vonage": lambda url, credentials: _vonage(credentials),
    "asterisk": _asterisk,
    "asterisk-plain": _asterisk,
}
