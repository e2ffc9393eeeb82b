"""One item out of two that tell of it: what the later one has empty stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import msgspec

from duologue.events import (
    ContentPart,
    ConversationItem,
    FunctionCallItem,
    InputAudioPart,
    MessageItem,
    is_set,
)
from duologue.protocol.client.history.words import ToldWords

__all__ = ["fuller_arguments", "is_object", "merged_items", "with_words", "words_of", "words_of_item"]

_WHOLE: Final = "completed"
_CUT: Final = "incomplete"

_WORDS: Final[Mapping[type, str]] = {
    kind: name for kind in get_args(ContentPart) for name in ("text", "transcript") if name in kind.__struct_fields__
}
"""The field of a part that has its words."""


def merged_items(before: ConversationItem | None, item: ConversationItem) -> ConversationItem:
    """The later item, with what only the earlier one tells. The earlier one is used up by this."""
    match before, item:
        case MessageItem(), MessageItem():
            item = msgspec.structs.replace(item, content=_merged_content(before, item))
        case FunctionCallItem(), FunctionCallItem():
            item = msgspec.structs.replace(
                item,
                name=item.name or before.name,
                call_id=item.call_id if is_set(item.call_id) and item.call_id else before.call_id,
                arguments=fuller_arguments(before.arguments, item.arguments),
            )
        case _:
            return item
    if before.status == _WHOLE and item.status != _CUT:
        return msgspec.structs.replace(item, status=_WHOLE)
    return item


def _merged_content(before: MessageItem, item: MessageItem) -> list[ContentPart]:
    told = " ".join(words for part in item.content if (words := words_of(part)))
    content = list(item.content)
    for index, earlier in enumerate(before.content):
        if index >= len(content):
            words = words_of(earlier)
            if words is None or (words and words not in told):
                content.append(earlier)
            continue
        earlier_words, words = words_of(earlier) or "", words_of(content[index])
        if words is None or not earlier_words or (not words and earlier_words in told):
            continue
        merged = ToldWords()
        merged.whole(earlier_words)
        merged.whole(words, shortened=item.status == _CUT or isinstance(earlier, InputAudioPart))
        if merged.text != words:
            content[index] = with_words(content[index], merged.text)
    return content


def words_of(part: ContentPart) -> str | None:
    """The text or the transcript of a part; None for a kind of part that has neither."""
    name = _WORDS.get(type(part))
    if name is None:
        return None
    words = getattr(part, name)
    return words if isinstance(words, str) else ""


def words_of_item(item: ConversationItem) -> str:
    """The text and the transcripts of all parts, joined by spaces; empty for items without words."""
    return item.text if isinstance(item, MessageItem) else ""


def with_words(part: ContentPart, words: str) -> ContentPart:
    """The part with another text or transcript."""
    return msgspec.structs.replace(part, **{_WORDS[type(part)]: words})


def fuller_arguments(before: str, after: str) -> str:
    """The fuller one of two texts of a call's arguments; of two equally full ones the later."""
    ranks = _rank(before), _rank(after)
    if ranks[0] != ranks[1]:
        return before if ranks[0] > ranks[1] else after
    return before if ranks[0] == 1 and len(before) > len(after) else after


def is_object(text: str) -> bool:
    """Whether a text is a JSON object. It is whole then: a cut one lacks its last bracket."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False


def _rank(arguments: str) -> int:
    """Nothing, text that is not a JSON object, an empty object, a full one."""
    if not arguments.strip():
        return 0
    if not is_object(arguments):
        return 1
    return 2 if not arguments.strip("{} \t\r\n") else 3
