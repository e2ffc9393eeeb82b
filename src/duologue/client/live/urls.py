"""From the address that a user writes to the URLs of a Live session: its primary socket, a sideband, a fork."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlencode

from duologue.client.session_urls import completed_path, invalid_url, split_server_url
from duologue.dialects import LIVE_PROFILES, detect_live
from duologue.dialects.live.profile import LiveProfile

__all__ = ["attach_url", "fork_url", "live_dialect", "primary_url"]

_EXAMPLE_PATH: Final = "/v1/live/sessions"

_OF_ONE_SESSION: Final = re.compile(r"(/live)(?:/sessions(?:/[^/]+/(?:attach|fork))?)?/*$")
"""What a user may have copied in place of the endpoint: its first half, or the URL of a sideband or fork."""

_REALTIME: Final = ("/realtime", "/realtime/translations")
_VERSIONLESS: Final = re.compile(r"/openai/*$")
"""A base URL of Azure as its older pages have it; the endpoint is 404 there without the version."""

_ID: Final = re.compile(r"(?!\.{1,2}$)[^/\\?#%\s\x00-\x1f\x7f]{1,256}")
"""Ids that are one segment of a path, escaped or not, for every server and proxy on the way."""


def live_dialect(url: str, *, secure: bool = False) -> str:
    """The dialect of Live that the vendor at a URL speaks; "openai-live" where the URL shows none.

    Raises:
        ConnectFailed: it is not a URL.
    """
    return detect_live(_split(url, secure).geturl()).dialect


def primary_url(url: str, *, dialect: str | None = None, model: str | None = None, secure: bool = False) -> str:
    """The URL of a session's primary socket, from a host, a base URL, or the URL itself.

    The dialect, if none is given, is that of `live_dialect`. `model` goes into the query where the dialect names it
    there. A query that was written stays.

    Raises:
        ConnectFailed: it is not a URL, or one of Realtime.
        KeyError: there is no such dialect.
    """
    parts, profile = _endpoint(url, dialect, secure)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if profile.names_model_in_url and model is not None:
        query.setdefault("model", model)
        parts = parts._replace(query=urlencode(query))
    return parts.geturl()


def attach_url(
    url: str, session_id: str, *, graceful_close: bool = False, dialect: str | None = None, secure: bool = False
) -> str:
    """The URL of a sideband to a session; `graceful_close` asks for a closing handshake when the session ends.

    Raises:
        ConnectFailed: it is not a URL, the id is not one, or the dialect has no sidebands.
        KeyError: there is no such dialect.
    """
    parts, profile = _endpoint(url, dialect, secure)
    if not profile.has_sidebands:
        raise invalid_url(f"{profile.title} has no sidebands: nothing can be attached to a session")
    parts = _of_session(parts, session_id, "attach")
    if graceful_close:
        query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "graceful_close": "true"}
        parts = parts._replace(query=urlencode(query))
    return parts.geturl()


def fork_url(url: str, session_id: str, *, dialect: str | None = None, secure: bool = False) -> str:
    """The URL of a socket that goes on with a stored session, as a new one.

    Raises:
        ConnectFailed: it is not a URL, the id is not one, or the dialect has no forks.
        KeyError: there is no such dialect.
    """
    parts, profile = _endpoint(url, dialect, secure)
    if not profile.has_forks:
        raise invalid_url(f"{profile.title} has no forks: start a new session, with the conversation as `input`")
    return _of_session(parts, session_id, "fork").geturl()


def _split(url: str, secure: bool) -> SplitResult:
    return split_server_url(url, secure=secure, example_path=_EXAMPLE_PATH)


def _endpoint(url: str, dialect: str | None, secure: bool) -> tuple[SplitResult, LiveProfile]:
    """The URL of the dialect's sessions, without an id in it."""
    parts = _split(url, secure)
    profile = LIVE_PROFILES[dialect or detect_live(parts.geturl()).dialect]
    path = _VERSIONLESS.sub("", parts.path) if profile.base_path == "/openai/v1" else parts.path
    path = _OF_ONE_SESSION.sub(r"\1/sessions", path)
    path = completed_path(path, base=profile.base_path, endpoint=profile.endpoint)
    if path.rstrip("/").endswith(_REALTIME) and profile.endpoint not in _REALTIME:
        raise invalid_url(
            "this is a URL of Realtime, or of its translations, which are other protocols: a Live session is at "
            f"…{profile.base_path}{profile.endpoint}; write that, or the host alone"
        )
    return parts._replace(path=path), profile


def _of_session(parts: SplitResult, session_id: str, what: str) -> SplitResult:
    if _ID.fullmatch(session_id) is None:
        raise invalid_url(
            "this is not the id of a session: it is 1 to 256 characters without spaces, slashes and `?`, `#`, `%`; "
            "pass the `id` of `session.started`"
        )
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(session_id, safe='')}/{what}")
