"""The client for programs without an event loop: the public name of `duologue.client.blocking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from duologue.client import blocking as client_blocking
from duologue.client.blocking import (
    BlockingConnection,
    BlockingConversation,
    BlockingListening,
    BlockingNoticeStream,
    BlockingPlayback,
    client_secret,
    connect,
    converse,
    hang_up,
)

if TYPE_CHECKING:
    from duologue.client.blocking import (
        BlockingDelegation,
        BlockingLive,
        BlockingLiveSideband,
        BlockingSpeechTranslation,
        attach_live,
        fork_live,
        live,
        translate,
        translation_secret,
    )

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


if not TYPE_CHECKING:  # for a checker every name would exist

    def __getattr__(name: str) -> Any:
        return getattr(client_blocking, name)  # what is imported at its first use
