"""Requests to responders."""

from __future__ import annotations

from typing import Any

import msgspec

from duologue.engines.base import Message, ResponderRequest
from duologue.engines.checks import responder_request


def after(*messages: Message, **fields: Any) -> ResponderRequest:
    """A request after these messages."""
    return msgspec.structs.replace(responder_request(**fields), messages=messages)
