"""Why a server opens no session, from the `error` or the close with which it says so: vendors agree on neither."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from duologue.errors import AuthenticationFailed, ConnectFailed, ConnectionClosed, ModelNotFound, RequestRejected
from duologue.events import ErrorEvent, RealtimeError, is_set
from duologue.printable import printable_message, printable_name
from duologue.protocol.client.error_kinds import ErrorKind, classify

__all__ = ["REFUSING_CLOSES", "RETRYABLE_CLOSES", "close_refusal", "config_refusal", "session_refusal", "told_by"]

_Refusal = type[ConnectFailed]

_BY_CODE: Final[Mapping[str, _Refusal]] = {
    **dict.fromkeys(
        (
            *("accessdenied", "accountdeactivated", "apikeyinvalid", "authenticationerror", "authenticationfailed"),
            *("authenticationrequired", "autherror", "expiredtoken", "forbidden", "incorrectapikey", "invalidapikey"),
            *("invalidauthentication", "invalidcredentials", "invalidtoken", "missingapikey", "noapikey"),
            *("notauthorized", "permissiondenied", "permissionerror", "tokenexpired", "unauthenticated"),
            *("unauthorised", "unauthorized"),
        ),
        AuthenticationFailed,
    ),
    **dict.fromkeys(
        (
            *("deploymentnotfound", "invalidmodel", "missingmodel", "modelaccessdenied", "modelnotavailable"),
            *("modelnotfound", "modelnotsupported", "nosuchmodel", "unknownmodel", "unsupportedmodel"),
        ),
        ModelNotFound,
    ),
}
"""By `error.code` or `error.type`, without case and punctuation: `InvalidApiKey` is `invalid_api_key`."""

_BY_WORDS: Final[tuple[tuple[re.Pattern[str], _Refusal], ...]] = (
    (
        re.compile(
            r"\b(incorrect|invalid|missing|no|expired|bad|unknown)\b.{0,20}"
            r"\b(api[ _-]?key|credential|bearer|authentication|authorization header)"
            r"|\b(api[ _-]?key|credentials?|(auth\w*|access|bearer) token)\b.{0,40}"
            r"\b(incorrect|invalid|missing|expired|not valid|required)"
            r"|unauthori[sz]ed|not authori[sz]ed|authentication (failed|error|required)",
            re.IGNORECASE,
        ),
        AuthenticationFailed,
    ),
    (
        re.compile(
            r"\bmodel\b.{0,120}\b(not found|does not exist|not exist|not supported|not available|unknown|no access)"
            r"|\b(unknown|no such|unsupported|invalid) model\b",
            re.IGNORECASE,
        ),
        ModelNotFound,
    ),
)
"""By what is said, for errors without a code, and reasons of closes."""

REFUSING_CLOSES: Final[Mapping[int, _Refusal]] = {
    3000: AuthenticationFailed,
    3003: AuthenticationFailed,
    4401: AuthenticationFailed,
    4403: AuthenticationFailed,
    4404: ModelNotFound,
}
"""3000 and 3003 are registered (https://www.iana.org/assignments/websocket); the others are statuses of HTTP, which
many servers write with 4000 added."""

RETRYABLE_CLOSES: Final = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1014})
"""RFC 6455, section 7.4.1, and the same registry: the server ends, restarts, is busy, or the network broke."""

_WHAT: Final[Mapping[_Refusal, str]] = {
    AuthenticationFailed: "the server does not accept the key",
    ModelNotFound: "the server has no such model, or this key may not use it",
}


def told_by(error: RealtimeError, *, words: str | None = None) -> str:
    """What an `error` says, for a message or a log: its words, its code and its `param`, without what may be a key.

    `words` are said in place of its own.
    """
    code = error.code if is_set(error.code) and error.code else error.type
    facts = [printable_name(fact) for fact in (code, error.param) if is_set(fact) and fact]
    return f"{printable_message(error.message if words is None else words)} ({', '.join(facts)})"


def session_refusal(event: ErrorEvent, *, greeted: bool) -> ConnectFailed | None:
    """The exception for an `error` that refuses the session as a whole; None for one about anything less.

    Before the greeting, an error that a later attempt may not meet does so too.
    """
    error = event.error
    kind = classify(event)
    has_code = is_set(error.code) and bool(error.code)
    refusal = _named(str(error.code) if has_code else "", error.type, words="" if has_code else error.message)
    if refusal is None and kind is not ErrorKind.SESSION_ENDING and (greeted or kind is not ErrorKind.RETRYABLE):
        return None
    refusal = refusal or ConnectFailed
    what = _WHAT.get(refusal, "the server opens no session")
    retryable = refusal is ConnectFailed and kind is ErrorKind.RETRYABLE
    return refusal(f"{what}: {told_by(error)}", retryable=retryable, error=event)


def config_refusal(event: ErrorEvent) -> RequestRejected:
    """The exception for an `error` that refuses a configuration."""
    facts = [fact for fact in (event.error.param, event.error.code) if is_set(fact) and fact]
    where = f" ({', '.join(facts)})" if facts else ""
    return RequestRejected(f"the server refused the session's configuration{where}", error=event)


def close_refusal(closed: ConnectionClosed, *, greeted: bool) -> ConnectFailed:
    """The exception for a connection that the server closed before it had opened and configured the session."""
    if closed.error is not None and (refusal := session_refusal(closed.error, greeted=False)) is not None:
        return refusal
    refused = _named(closed.reason, words=closed.reason) or REFUSING_CLOSES.get(closed.code, ConnectFailed)
    before = "before it answered the session's configuration" if greeted else "before it opened a session"
    what = _WHAT.get(refused, f"the server closed the connection {before}")
    said = f"code {closed.code}" + (f", {printable_message(closed.reason)}" if closed.reason else "")
    if closed.error is not None:
        said += f": {told_by(closed.error.error)}"
    retryable = refused is ConnectFailed and closed.error is None and closed.code in RETRYABLE_CLOSES
    return refused(f"{what}: {said}", retryable=retryable, error=closed.error)


def _named(*names: str, words: str) -> _Refusal | None:
    for name in names:
        # A close's reason is a type and a code in one, as in "invalid_request_error.invalid_api_key".
        for part in name.split("."):
            if (refusal := _BY_CODE.get(re.sub(r"[^a-z]", "", part.lower()))) is not None:
                return refusal
    return next((refusal for pattern, refusal in _BY_WORDS if pattern.search(words)), None)
