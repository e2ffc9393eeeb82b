"""xAI's `force_message`: an item that is spoken word for word, without a `response.create`."""

from __future__ import annotations

from typing import Any, Final

from duologue.events import ConversationItemCreateEvent, RealtimeEvent, UnknownVariant
from duologue.protocol import ForcedMessage

__all__ = ["forced_message"]

_DIALECTS: Final = frozenset({"xai"})
_TYPE: Final = "force_message"


def forced_message(event: RealtimeEvent, dialect: str) -> ForcedMessage | None:
    """What the client wants to be spoken; None for every other event.

    https://docs.x.ai/docs/guides/voice/agent
    """
    if dialect not in _DIALECTS or not isinstance(event, ConversationItemCreateEvent):
        return None
    if not isinstance(event.item, UnknownVariant) or event.item.type != _TYPE:
        return None
    item: dict[str, Any] = event.to_json()["item"]
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    voice = item.get("voice")
    return ForcedMessage(
        text=" ".join(text for text in texts if isinstance(text, str) and text.strip()),
        voice=voice if isinstance(voice, str) else None,
        interruptible=item.get("interruptible") is not False,
    )
