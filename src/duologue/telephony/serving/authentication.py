"""For each network, what shows that a request is its own."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from duologue.errors import SignatureRejected
from duologue.events.base64_text import decode_base64
from duologue.telephony.serving.phone_requests import PhoneRequest
from duologue.telephony.serving.tickets import check_ticket, new_ticket
from duologue.telephony.signatures import (
    TwilioAlgorithm,
    verify_plivo,
    verify_telnyx,
    verify_token,
    verify_twilio,
    verify_vonage,
)

__all__ = [
    "AsteriskAuthentication",
    "NetworkAuthentication",
    "NoAuthentication",
    "PlivoAuthentication",
    "SignalWireAuthentication",
    "TelnyxAuthentication",
    "TwilioAuthentication",
    "VonageAuthentication",
]


class NetworkAuthentication(Protocol):
    """Who may have calls answered. Both checks raise SignatureRejected."""

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the question how to answer a call."""
        ...

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the opening of a call's socket."""
        ...

    def ticket(self, now_unix_s: float) -> str:
        """A ticket for a socket; empty where the network signs its openings."""
        ...


class NoAuthentication(Struct, frozen=True):
    """Lets everybody in."""

    def check_answer(self, request: PhoneRequest) -> None:
        """Accept it."""

    def check_socket(self, request: PhoneRequest) -> None:
        """Accept it."""

    def ticket(self, now_unix_s: float) -> str:
        """None is needed."""
        return ""


class _KeyedAuthentication(Struct, frozen=True):
    """An authentication with keys, which no log and no traceback shows."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class TwilioAuthentication(_KeyedAuthentication, frozen=True):
    """Twilio signs both requests with the account's auth token, or with a shared key and SHA-256."""

    auth_token: str
    algorithm: TwilioAlgorithm = "HMAC_SHA1"

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the signature over the URL and the form."""
        verify_twilio(
            request.headers, secret=self.auth_token, url=request.url, parameters=request.form, algorithm=self.algorithm
        )

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the signature over the `wss://` URL."""
        if request.ticket:
            raise SignatureRejected("the path is not that of the network's socket")
        verify_twilio(request.headers, secret=self.auth_token, url=request.url, algorithm=self.algorithm)

    def ticket(self, now_unix_s: float) -> str:
        """None is needed."""
        return ""


class SignalWireAuthentication(_KeyedAuthentication, frozen=True):
    """SignalWire signs the question as Twilio does; the socket shows a ticket as its bearer token."""

    signing_key: str

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the signature over the URL and the form."""
        signature = request.headers.get("x-signalwire-signature", "")
        headers = {"x-twilio-signature": signature}
        verify_twilio(headers, secret=self.signing_key, url=request.url, parameters=request.form)

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the ticket."""
        scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise SignatureRejected("the request has no bearer token")
        check_ticket(ticket.strip(), "signalwire", secret=self.signing_key, now_unix_s=request.now_unix_s)

    def ticket(self, now_unix_s: float) -> str:
        """A ticket, for `authBearerToken`."""
        return new_ticket("signalwire", secret=self.signing_key, now_unix_s=now_unix_s)


class TelnyxAuthentication(_KeyedAuthentication, frozen=True):
    """Telnyx signs the question; the socket shows a ticket, or the token of `stream_auth_token` in a header."""

    public_key: str
    token: str

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the Ed25519 signature."""
        verify_telnyx(request.headers, public_key=self.public_key, body=request.body, now_unix_s=request.now_unix_s)

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the ticket or the token."""
        if request.ticket:
            check_ticket(request.ticket, "telnyx", secret=self.token, now_unix_s=request.now_unix_s)
        else:
            verify_token(request.headers.get("x-telnyx-streaming-auth-token"), secret=self.token)

    def ticket(self, now_unix_s: float) -> str:
        """A ticket, for the stream's path."""
        return new_ticket("telnyx", secret=self.token, now_unix_s=now_unix_s)


class PlivoAuthentication(_KeyedAuthentication, frozen=True):
    """Plivo signs the question; the socket shows a ticket."""

    auth_token: str

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the signature V3 over the URL and the form."""
        verify_plivo(
            request.headers, secret=self.auth_token, method=request.method, url=request.url, parameters=request.form
        )

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the ticket."""
        check_ticket(request.ticket, "plivo", secret=self.auth_token, now_unix_s=request.now_unix_s)

    def ticket(self, now_unix_s: float) -> str:
        """A ticket, for the stream's path."""
        return new_ticket("plivo", secret=self.auth_token, now_unix_s=now_unix_s)


class VonageAuthentication(_KeyedAuthentication, frozen=True):
    """Vonage signs the question with a token; the socket shows a ticket, or such a token."""

    signature_secret: str

    def check_answer(self, request: PhoneRequest) -> None:
        """Check the token of the signed webhook."""
        verify_vonage(request.headers, secret=self.signature_secret, now_unix_s=request.now_unix_s, body=request.body)

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the ticket, or the token of an endpoint with `authorization` of type `vonage`."""
        if request.ticket:
            check_ticket(request.ticket, "vonage", secret=self.signature_secret, now_unix_s=request.now_unix_s)
        else:
            verify_vonage(request.headers, secret=self.signature_secret, now_unix_s=request.now_unix_s)

    def ticket(self, now_unix_s: float) -> str:
        """A ticket, for the socket's path."""
        return new_ticket("vonage", secret=self.signature_secret, now_unix_s=now_unix_s)


class AsteriskAuthentication(_KeyedAuthentication, frozen=True):
    """Asterisk shows the password of `websocket_client.conf`, under any user name; it asks no question."""

    password: str

    def check_answer(self, request: PhoneRequest) -> None:
        """Reject it."""
        raise SignatureRejected("Asterisk asks for no answer page")

    def check_socket(self, request: PhoneRequest) -> None:
        """Check the password of Basic authentication."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        try:
            decoded = decode_base64(shown).decode("utf-8") if scheme.lower() == "basic" else ""
        except ValueError:
            decoded = ""
        verify_token(decoded.partition(":")[2], secret=self.password)

    def ticket(self, now_unix_s: float) -> str:
        """None is needed."""
        return ""
