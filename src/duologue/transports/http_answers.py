"""HTTP answers that open no session, each as one sentence with what the server said."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from duologue.clock import unix_time
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound
from duologue.printable import printable, printable_name
from duologue.transports.addresses import without_secrets
from duologue.transports.secret_masks import SecretMask
from duologue.transports.socket_options import RETRYABLE_STATUS

__all__ = ["HttpAnswer", "refusal", "server_words"]

_MAX_WORDS: Final = 300
"""Characters of what a server said: two sentences and a link; a page of HTML is no help."""

_MAX_BODY_BYTES: Final = 16 * 1024
"""Of a body that is looked at: a page of HTML has its title before that, and an error is shorter."""

_MAX_RETRY_AFTER_S: Final = 24 * 3600.0
"""A longer `Retry-After` is a mistake, such as a date of another year."""

_CALLS: Final = "/realtime/calls"
_USUAL_ENDS: Final = ("/realtime", "/realtime/client_secrets", _CALLS)


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """An HTTP response; header names are in lower case. The body may be cut off."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class _Row(NamedTuple):
    problem: str
    remedy: str = ""


_PATH_REMEDY: Final = "the Realtime API is usually at /v1/realtime"
_LIVE_REMEDY: Final = "the server may not speak Live, which is usually at /v1/live/sessions"
_CALL_REMEDY: Final = "there may be no such call: it is over, was answered already, or is another project's"
_LIVE_SESSION_REMEDY: Final = (
    "there may be no such session: one that is over cannot be attached to, and one without `store` cannot be forked"
)

_PHRASED: Final = frozenset(HTTPStatus)

_STATUS: Final[Mapping[int, _Row]] = {
    400: _Row("rejects the request"),
    401: _Row("does not accept the key"),
    402: _Row("asks for payment"),
    403: _Row("forbids this session"),
    404: _Row("has nothing at the path {path}"),
    405: _Row("does not allow this at the path {path}"),
    407: _Row("is behind a proxy that asks for a name and a password"),
    408: _Row("has waited too long for the request"),
    410: _Row("has nothing at the path {path} any more"),
    421: _Row("does not serve this host name"),
    425: _Row("asks to try again"),
    426: _Row(
        "asks for an upgrade to WebSocket",
        "a proxy on the way dropped the Upgrade header, or the server wants another protocol",
    ),
    429: _Row("has had too many requests or sessions"),
    431: _Row("finds the headers too large"),
    451: _Row("is not available from here, for legal reasons"),
    500: _Row("has had an internal error"),
    501: _Row("takes no WebSocket"),
    502: _Row("is behind a gateway that does not reach it"),
    503: _Row("is overloaded, starting or down"),
    504: _Row("is behind a gateway that waited for it in vain"),
}
"""By HTTP status (RFC 9110, section 15)."""

_NO_KEY: Final = _Row("asks for a key, and none was sent", "pass api_key=")

_OF_PATH: Final = frozenset({404, 405, 410})

_OF_A_CALL: Final = re.compile(r"/realtime/calls/[^/]+/\w+$")

_NO_CALLS: Final = _Row("takes no calls over WebRTC", "it may be reached by WebSocket")
_NO_CALLS_STATUS: Final = frozenset({404, 405, 501})
"""Of a request that would have made a call."""

_OTHER: Final = _Row("rejects the request")
_OTHER_FAILURE: Final = _Row("has failed")
_PAGE: Final = _Row("answers with an ordinary page instead of a WebSocket")
_REDIRECT: Final = _Row("redirects without a usable address")

_KEY_CODES: Final = frozenset({"invalid_api_key", "authentication_error", "unauthorized", "invalid_token"})
_MODEL_CODES: Final = frozenset({"invalid_model", "model_not_found", "modelnotfound", "deploymentnotfound"})
"""Of an error's `code` or `type`, in lower case: OpenAI's, Anthropic's, Azure's, and those of servers like them."""

_QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Of an HTTP 429: no time to wait for ends this."""

_OF_MODEL: Final = re.compile(
    r"\b(model|deployment)\b.{0,80}(not (found|exist|available|served|supported|known)|n't exist|unknown|no such)"
    r"|(unknown|invalid|no such|unsupported) (model|deployment)\b",
    re.IGNORECASE,
)
"""Servers without codes say it in words."""

_OF_KEY: Final = re.compile(r"\b(api[ _-]?key|token|credential|unauthori[sz]ed|authenticat|authori[sz]ation)", re.I)


def refusal(url: str, answer: HttpAnswer, *, mask: SecretMask, has_key: bool) -> ConnectFailed:
    """The exception for an HTTP answer to the handshake of a session, or to a request for a client secret, at `url`."""
    code, words = server_words(answer)
    words = printable(mask.applied(words), max_characters=_MAX_WORDS)
    kind = _kind(answer.status, code, words, url=url, has_key=has_key)
    row = _row(answer.status, kind, url=url, has_key=has_key, has_words=bool(words))
    retryable = answer.status in RETRYABLE_STATUS and code.lower() not in _QUOTA_CODES
    retry_after = _retry_after_s(answer) if retryable else None
    sentence = f"{without_secrets(url)} {row.problem} (HTTP {answer.status})"
    if row.remedy:
        sentence += f": {row.remedy}"
    if retry_after is not None:
        sentence += f"; try again in {retry_after:g} s"
    if words:
        sentence += f"; it says: {words}"
    return kind(sentence, retryable=retryable, status=answer.status, retry_after=retry_after)


def server_words(answer: HttpAnswer) -> tuple[str, str]:
    """The code of an error, which may be empty, and its message, on one line: of JSON, of HTML, or of plain text."""
    text = answer.body[:_MAX_BODY_BYTES].decode("utf-8", "replace").strip("\ufeff \t\r\n\0")
    if text.count("\ufffd") > len(text) // 10:  # compressed, or no text
        return "", ""
    try:
        code, words = _of_json(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        code, words = "", _without_tags(text) if text.startswith("<") else text
    words = " ".join(words.split())
    phrase = HTTPStatus(answer.status).phrase.lower() if answer.status in _PHRASED else ""
    return code, "" if words.lower().rstrip(".") in {phrase, f"{answer.status} {phrase}"} else words


def _kind(status: int, code: str, words: str, *, url: str, has_key: bool) -> type[ConnectFailed]:
    if status in RETRYABLE_STATUS or status < 400:
        return ConnectFailed
    if code.lower() in _MODEL_CODES or (status in (400, 403, 404) and _OF_MODEL.search(words)):
        return ModelNotFound
    if status == 401 or code.lower() in _KEY_CODES:
        return AuthenticationFailed
    # Frameworks answer 403 without a word for a wrong path too.
    speaks_of_key = bool(_OF_KEY.search(words))
    is_usual_path = _path(url).endswith(_USUAL_ENDS)
    if status == 403 and (speaks_of_key or (not words and has_key and is_usual_path)):
        return AuthenticationFailed
    return ConnectFailed


def _row(status: int, kind: type[ConnectFailed], *, url: str, has_key: bool, has_words: bool) -> _Row:
    path = _path(url)
    is_usual_path = path.endswith(_USUAL_ENDS)
    if kind is ModelNotFound:
        query = dict(parse_qsl(urlsplit(url).query))
        model = query.get("model") or query.get("deployment")
        return _Row(f"has {f'no model {printable_name(model)}' if model else 'no such model'}, or not for this key")
    if kind is AuthenticationFailed:
        return _STATUS[401] if has_key else _NO_KEY
    if 300 <= status < 400:
        return _REDIRECT
    if path.endswith(_CALLS) and status in _NO_CALLS_STATUS:
        return _NO_CALLS
    row = _PAGE if status < 300 else _STATUS.get(status, _OTHER if status < 500 else _OTHER_FAILURE)
    if status in _OF_PATH or status < 300:
        return _Row(row.problem.format(path=printable_name(path)), "" if is_usual_path else _remedy(path))
    if status == 403 and not is_usual_path and not has_words:
        return _Row(row.problem, f"some servers say so for a wrong path, and {_remedy(path)}")
    if status == 403 and not has_key:
        return _Row(row.problem, "it may want a key, which api_key= sends")
    return row


def _remedy(path: str) -> str:
    if _OF_A_CALL.search(path):
        return _CALL_REMEDY
    if path.endswith(("/attach", "/fork")):
        return _LIVE_SESSION_REMEDY
    return _LIVE_REMEDY if path.endswith("/live/sessions") else _PATH_REMEDY


def _path(url: str) -> str:
    return urlsplit(url).path.rstrip("/") or "/"


def _of_json(content: Any) -> tuple[str, str]:
    """Code and message of an error as JSON: `{"error": {"message": …}}`, `{"detail": …}`, and the like."""
    if isinstance(content, list):
        return _of_json(content[0]) if content else ("", "")
    if not isinstance(content, dict):
        return "", str(content)
    inner = content.get("error")
    code = next((str(content[name]) for name in ("code", "type") if isinstance(content.get(name), str)), "")
    if isinstance(inner, dict):
        inner_code, words = _of_json(inner)
        return inner_code or code, words
    for name in ("message", "msg", "detail", "error_description", "reason", "title"):
        value = content.get(name)
        if isinstance(value, str) and value.strip():
            return code, value
        if isinstance(value, dict | list) and value:  # FastAPI: a list of objects with `msg`
            inner_code, words = _of_json(value)
            return inner_code or code, words
    return (code, inner) if isinstance(inner, str) else (code, "")


def _without_tags(page: str) -> str:
    """The title of a page of HTML, or else its text."""
    title = re.search(r"<title[^>]{0,200}>(.{0,500}?)</title>", page, re.IGNORECASE | re.DOTALL)
    body = title[1] if title is not None and title[1].strip() else page
    body = re.sub(r"<(script|style)\b.*?(</\1>|$)|<!--.*?(-->|$)", " ", body, flags=re.IGNORECASE | re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>?", " ", body))


def _retry_after_s(answer: HttpAnswer) -> float | None:
    """Seconds of the header `Retry-After` (RFC 9110, section 10.2.3), which has a number or a date."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() - unix_time())
    return seconds if 0 <= seconds <= _MAX_RETRY_AFTER_S else None
