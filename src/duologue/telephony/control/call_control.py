"""What a network is asked over HTTP to do with a call, beside its socket: end it, or connect the caller elsewhere.

Requests as values, no I/O: `control_client` sends them. Sources: the vendors' documents, and
Asterisk 22.10.1 as it ran. What stands here was tried with stand-ins only, except Asterisk's.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct, field

from duologue.telephony.codecs.leg_events import CallStarted
from duologue.transports.addresses import without_secrets

__all__ = [
    "AsteriskControl",
    "CallControl",
    "ControlRequest",
    "PlivoControl",
    "SignalWireControl",
    "TelnyxControl",
    "TwilioControl",
    "VonageControl",
]

_NUMBER: Final = re.compile(r"\+?[0-9]{2,20}")
"""E.164 has 15 digits at most; short numbers and those of an own network have no plus."""

_SIP: Final = re.compile(r"sips?:[A-Za-z0-9._~!$&'()*+=%-]{1,64}@[A-Za-z0-9.\[\]:-]{1,128}")
"""RFC 3261, section 19.1, without parameters and passwords."""

_EXTENSION: Final = re.compile(r"[A-Za-z0-9_+*#-]{1,40}")
"""What a dialplan can match, and nothing that means more in it."""

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Content-Type": "application/json"}


class ControlRequest(Struct, frozen=True, kw_only=True):
    """An HTTP request. Its headers hold a key, and its query may hold a number: `repr` leaves them out."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"ControlRequest({self.method} {without_secrets(self.url)}, body=<{len(self.body)} bytes>)"


class CallControl(Protocol):
    """What one network can be asked. `transfer` raises ValueError for a target that is none of its kinds."""

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """End the call; None where the protocol of the socket does it."""
        ...

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Connect the caller with a number or a SIP address; the socket is closed by that."""
        ...

    def is_over(self, status: int, body: bytes) -> bool:
        """Whether an answer says that the call was over already."""
        ...


class TwilioControl(Struct, frozen=True, kw_only=True):
    """Twilio's Calls resource. With an API key, `api_key_sid` is its id and `auth_token` its secret."""

    account_sid: str
    auth_token: str
    api_key_sid: str | None = None
    base_url: str = "https://api.twilio.com"

    def __repr__(self) -> str:
        return f"TwilioControl(account_sid={self.account_sid!r})"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """Complete the call: else the TwiML behind `<Connect>` would go on."""
        return self._update(call, {"Status": "completed"})

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Give the call other TwiML, which dials."""
        noun = "Number" if _is_number(to) else "Sip"
        return self._update(call, {"Twiml": f"<Response><Dial><{noun}>{escape(to)}</{noun}></Dial></Response>"})

    def _update(self, call: CallStarted, fields: Mapping[str, str]) -> ControlRequest:
        path = f"/2010-04-01/Accounts/{_part(self.account_sid)}/Calls/{_call_id(call)}.json"
        return ControlRequest(
            method="POST",
            url=self.base_url.rstrip("/") + path,
            headers={**_basic(self.api_key_sid or self.account_sid, self.auth_token), **_FORM},
            body=urlencode(fields).encode(),
        )

    def is_over(self, status: int, body: bytes) -> bool:
        """No such call, or one that is not in progress."""
        return _code(body) in (20404, 21220)


class SignalWireControl(Struct, frozen=True, kw_only=True):
    """SignalWire's Calls resource, of cXML. `transfer` needs a page of yours that answers with `<Dial>`."""

    space_url: str
    """`https://YOURS.signalwire.com`."""
    project_id: str
    token: str
    transfer_url: str = ""
    """With `{to}`, for the target: `https://voice.example.com/transfer?to={to}`."""

    def __repr__(self) -> str:
        return f"SignalWireControl(space_url={self.space_url!r}, project_id={self.project_id!r})"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """Complete the call."""
        return self._update(call, {"Status": "completed"})

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Have SignalWire fetch the page."""
        return self._update(call, {"Url": _page(self.transfer_url, to), "Method": "POST"})

    def _update(self, call: CallStarted, fields: Mapping[str, str]) -> ControlRequest:
        path = f"/api/laml/2010-04-01/Accounts/{_part(self.project_id)}/Calls/{_call_id(call)}.json"
        return ControlRequest(
            method="POST",
            url=self.space_url.rstrip("/") + path,
            headers={**_basic(self.project_id, self.token), **_FORM},
            body=urlencode(fields).encode(),
        )

    def is_over(self, status: int, body: bytes) -> bool:
        """No such call, or one that is not in progress."""
        return status == 404 or _code(body) in (20404, 21220)


class TelnyxControl(Struct, frozen=True, kw_only=True):
    """Telnyx' Call Control commands; the call's id is its `call_control_id`."""

    api_key: str
    base_url: str = "https://api.telnyx.com"

    def __repr__(self) -> str:
        return "TelnyxControl()"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """The command `hangup`."""
        return self._command(call, "hangup", {})

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """The command `transfer`. If it fails later, Telnyx keeps the call."""
        return self._command(call, "transfer", {"to": _target(to)})

    def _command(self, call: CallStarted, name: str, fields: Mapping[str, Any]) -> ControlRequest:
        return ControlRequest(
            method="POST",
            url=f"{self.base_url.rstrip('/')}/v2/calls/{_call_id(call)}/actions/{name}",
            headers={**_bearer(self.api_key), **_JSON},
            body=msgspec.json.encode(fields),
        )

    def is_over(self, status: int, body: bytes) -> bool:
        """Code 90018: the call has ended."""
        return status == 422 and _code(body) == 90018


class PlivoControl(Struct, frozen=True, kw_only=True):
    """Plivo's Call resource. `transfer` needs a page of yours that answers with `<Dial>`."""

    auth_id: str
    auth_token: str
    transfer_url: str = ""
    """With `{to}`, for the target."""
    base_url: str = "https://api.plivo.com"

    def __repr__(self) -> str:
        return f"PlivoControl(auth_id={self.auth_id!r})"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """Delete the call."""
        return ControlRequest(method="DELETE", url=self._url(call), headers=_basic(self.auth_id, self.auth_token))

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Have Plivo fetch the page for the caller's leg."""
        fields = {"legs": "aleg", "aleg_url": _page(self.transfer_url, to), "aleg_method": "POST"}
        headers = {**_basic(self.auth_id, self.auth_token), **_JSON}
        return ControlRequest(method="POST", url=self._url(call), headers=headers, body=msgspec.json.encode(fields))

    def _url(self, call: CallStarted) -> str:
        return f"{self.base_url.rstrip('/')}/v1/Account/{_part(self.auth_id)}/Call/{_call_id(call)}/"

    def is_over(self, status: int, body: bytes) -> bool:
        """No such call."""
        return status == 404


class VonageControl(Struct, frozen=True, kw_only=True):
    """Vonage's calls. The call's id is the `uuid` of the caller's leg: put it into the endpoint's `headers`."""

    token: str
    """A JWT of the application, signed with its private key, which is valid for longer than the call."""
    base_url: str = "https://api.nexmo.com"

    def __repr__(self) -> str:
        return "VonageControl()"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """The action `hangup`."""
        return self._modify(call, {"action": "hangup"})

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Give the call another NCCO, which connects."""
        endpoint = {"type": "phone", "number": to.lstrip("+")} if _is_number(to) else {"type": "sip", "uri": to}
        ncco = [{"action": "connect", "endpoint": [endpoint]}]
        return self._modify(call, {"action": "transfer", "destination": {"type": "ncco", "ncco": ncco}})

    def _modify(self, call: CallStarted, fields: Mapping[str, Any]) -> ControlRequest:
        return ControlRequest(
            method="PUT",
            url=f"{self.base_url.rstrip('/')}/v1/calls/{_call_id(call)}",
            headers={**_bearer(self.token), **_JSON},
            body=msgspec.json.encode(fields),
        )

    def is_over(self, status: int, body: bytes) -> bool:
        """No such call."""
        return status == 404


class AsteriskControl(Struct, frozen=True, kw_only=True):
    """Asterisk: the dialplan goes on behind `Dial(…,g)` or `AudioSocket(…)`, and finds where to in a global variable.

    `GLOBAL(TRANSFER_ID)`, in which ID is what the dialplan has passed as the channel variable `__call`, or the id that
    it has given to AudioSocket. ARI sets it; other commands of ARI are for channels of Stasis applications.
    """

    ari_url: str
    """`http://127.0.0.1:8088/ari`."""
    username: str
    password: str

    def __repr__(self) -> str:
        return f"AsteriskControl(ari_url={self.ari_url!r})"

    def hang_up(self, call: CallStarted) -> ControlRequest | None:
        """None: the socket does it."""
        return None

    def transfer(self, call: CallStarted, to: str) -> ControlRequest:
        """Set the variable; `to` is an extension of the dialplan."""
        if not _EXTENSION.fullmatch(to):
            raise ValueError("a call is transferred to an extension of the dialplan: letters, digits, _, +, *, # and -")
        variable = {"variable": f"TRANSFER_{call.parameters.get('call') or call.call_id}", "value": to}
        url = f"{self.ari_url.rstrip('/')}/asterisk/variable?{urlencode(variable)}"
        return ControlRequest(method="POST", url=url, headers=_basic(self.username, self.password))

    def is_over(self, status: int, body: bytes) -> bool:
        """Never: a variable is set in any case."""
        return False


def _is_number(to: str) -> bool:
    """Whether it is a number, else a SIP address. Raises ValueError: neither."""
    if _NUMBER.fullmatch(to):
        return True
    if _SIP.fullmatch(to):
        return False
    raise ValueError("a call is transferred to a number, as +15551230042, or to a sip: address")


def _target(to: str) -> str:
    _is_number(to)
    return to


def _page(url: str, to: str) -> str:
    if "{to}" not in url:
        raise ValueError("this network is told of a transfer by a page: give transfer_url, with {to} in it")
    return url.replace("{to}", quote(_target(to), safe=""))


def _call_id(call: CallStarted) -> str:
    if not call.call_id:
        raise ValueError("the network has told no id of the call: pass it along, as `uuid` of the endpoint's headers")
    return _part(call.call_id)


def _part(text: str) -> str:
    return quote(text, safe="")


def _basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _code(body: bytes) -> int | None:
    """The `code` of an error: Twilio's is a number, Telnyx' a string in a list."""
    try:
        plain: Any = msgspec.json.decode(body)
        errors: Any = plain.get("errors") if isinstance(plain, dict) else None
        code: Any = errors[0].get("code") if errors else plain.get("code")
        return int(code)
    except (msgspec.MsgspecError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return None
