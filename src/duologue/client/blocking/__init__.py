"""The client for programs without an event loop: the asyncio client in a thread, with a `timeout` for each wait."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from duologue.client.blocking.connect import connect
from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.conversation import BlockingConversation
from duologue.client.blocking.converse import converse
from duologue.client.blocking.sound import BlockingListening, BlockingPlayback
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.client_secrets import ask_client_secret as client_secret
from duologue.client.hanging_up import hang_up_call as hang_up

if TYPE_CHECKING:
    from duologue.client.blocking.live_entry import attach_live, fork_live, live
    from duologue.client.blocking.live_session import BlockingDelegation, BlockingLive, BlockingLiveSideband
    from duologue.client.blocking.translation import BlockingSpeechTranslation, translate, translation_secret

__all__ = [
    "BlockingConnection",
    "BlockingConversation",
    "BlockingDelegation",
    "BlockingListening",
    "BlockingLive",
    "BlockingLiveSideband",
    "BlockingNoticeStream",
    "BlockingPlayback",
    "BlockingSpeechTranslation",
    "attach_live",
    "client_secret",
    "connect",
    "converse",
    "fork_live",
    "hang_up",
    "live",
    "translate",
    "translation_secret",
]

_LAZY: Final = {
    "BlockingDelegation": "live_session",
    "BlockingLive": "live_session",
    "BlockingLiveSideband": "live_session",
    "attach_live": "live_entry",
    "fork_live": "live_entry",
    "live": "live_entry",
    "BlockingSpeechTranslation": "translation",
    "translate": "translation",
    "translation_secret": "translation",
}
"""Names of Live and of translation by the module that they are imported from at their first use: the classes take time
to define."""


if not TYPE_CHECKING:  # for a checker every name would exist

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
