"""Where translation sessions are, from the address that a user writes."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from duologue.client.endpoint import Endpoint
from duologue.client.session_urls import check_no_live_url, split_session_url

__all__ = ["translation_endpoint"]

_REALTIME: Final = "/realtime"
_TRANSLATIONS: Final = "/translations"


def translation_endpoint(endpoint: Endpoint) -> Endpoint:
    """The endpoint of translation sessions at the server of this one.

    A base URL, or that of Realtime sessions, gets the rest of the path; any other path is the application's own. An
    endpoint without a URL stays as it is.

    Raises:
        ConnectFailed: the URL is not one.
    """
    if not endpoint.url.strip():
        return endpoint
    parts = split_session_url(endpoint.url, secure=endpoint.socket.ssl is not None)
    check_no_live_url(parts.geturl())
    if parts.path.endswith(_REALTIME):
        parts = parts._replace(path=parts.path + _TRANSLATIONS)
    return replace(endpoint, url=parts.geturl())
