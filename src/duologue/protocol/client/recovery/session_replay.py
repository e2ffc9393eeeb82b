"""What a client sends to a new session so that it continues the old one.

    sent · receive      what the old session contained
    lost                the commands that it did not answer
    replay              the events for the new session, and what they cannot restore

Items are sent under new ids: an id names an item of one session, and a server may reject one that it did not make, or
that it has made already. `call_id` stays, because it only links an output to its call. Speech of the user and of the
model is sent as the text of its transcript: a client cannot add the model's audio to a conversation, and does not keep
the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from duologue.events import (
    AnySessionConfig,
    AudioPart,
    ContentPart,
    ConversationItem,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDoneEvent,
    ErrorEvent,
    Extra,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputImagePart,
    InputTextPart,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    RealtimeEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TextPart,
    UnknownVariant,
    WireObject,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.config_merge import MERGED
from duologue.protocol.wire_limits import ROOT

__all__ = ["NotRestored", "Replay", "SessionReplay", "SessionRestored", "merged"]


class NotRestored(Struct, frozen=True, kw_only=True):
    """An item of the old session that the new one does not have, or not all of it."""

    item_id: str
    reason: str


class SessionRestored(Struct, frozen=True, kw_only=True):
    """What was sent to a new session of the old one."""

    configured: bool
    """Whether the client had a configuration to repeat."""
    item_ids: Mapping[str, str]
    """New ids of the items that were restored, by their old ones."""
    not_restored: tuple[NotRestored, ...]


class Replay(Struct, frozen=True, kw_only=True):
    """Events to send, in order, before anything else; and the notice for the application."""

    events: tuple[SessionUpdateEvent | ConversationItemCreateEvent, ...]
    restored: SessionRestored
    answers_calls: bool = False
    """Whether the items that were never confirmed include outputs of function calls: the model waits for them."""


class SessionReplay(Part):
    """What the client needs to replay, over all its connections. `new_id` makes ids of items and events."""

    def __init__(self, *, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self.configuration: AnySessionConfig | None = None
        """All updates that the server has accepted, merged; None if there was none."""
        self._updates: dict[str, AnySessionConfig] = {}
        self._replaying: dict[str, StoredItem] = {}
        self._replay_ids: frozenset[str] = frozenset()
        self._replay_events: dict[str, str] = {}
        self._unconfirmed: list[ConversationItemCreateEvent] = []

    def sent(self, event: RealtimeEvent) -> None:
        """An event is sent; it has its event id."""
        if isinstance(event, SessionUpdateEvent):
            self._updates[str(event.event_id)] = event.session

    @on(SessionUpdatedEvent)
    def _updated(self, event: SessionUpdatedEvent, context: EventContext) -> None:
        if self._updates:
            config = self._updates.pop(next(iter(self._updates)))
            self.configuration = merged(self.configuration, config)

    @on(ErrorEvent)
    def _rejected(self, event: ErrorEvent, context: EventContext) -> None:
        named = event.error.event_id if is_set(event.error.event_id) else None
        event_id = context.answers or named or ""
        self._updates.pop(event_id, None)
        self._replaying.pop(self._replay_events.pop(event_id, ""), None)

    @on(ConversationItemDoneEvent, ConversationItemCreatedEvent)
    def _confirmed(
        self, event: ConversationItemDoneEvent | ConversationItemCreatedEvent, context: EventContext
    ) -> None:
        if is_set(event.item.id):
            self._replaying.pop(str(event.item.id), None)

    @property
    def restoring(self) -> bool:
        """Whether some items of the last replay are not confirmed."""
        return bool(self._replaying)

    def lost(self, unanswered: Iterable[RealtimeEvent]) -> None:
        """The connection is lost, and with it the answers to these commands."""
        self._unconfirmed += [
            command
            for command in unanswered
            if isinstance(command, ConversationItemCreateEvent) and str(command.item.id) not in self._replaying
        ]

    def replay(self, items: Iterable[StoredItem]) -> Replay:
        """What to send to a new session; `items` are those of the old one, in order.

        Unanswered updates and items of the client are sent again, after the confirmed ones: the old server may not have
        received them. Items of a replay that was interrupted are sent again.
        """
        items = tuple(items)
        known = {item.item_id for item in items}
        to_restore = [self._replaying.get(item.item_id, item) for item in items if item.item_id in self._replay_ids]
        to_restore += [item for key, item in self._replaying.items() if key not in known]
        to_restore += [item for item in items if item.item_id not in self._replay_ids]
        self._replaying.clear()
        self._replay_events.clear()
        events: list[SessionUpdateEvent | ConversationItemCreateEvent] = []
        config = self.configuration
        for update in self._updates.values():
            config = merged(config, update)
        self._updates.clear()
        if config is not None:
            events.append(SessionUpdateEvent(event_id=self._new_id("event"), session=config))
        item_ids: dict[str, str] = {}
        missing: list[NotRestored] = []
        calls: set[str] = set()
        for stored in to_restore:
            item, reason = _as_created(stored, calls)
            if reason:
                missing.append(NotRestored(item_id=stored.item_id, reason=reason))
            if item is None:
                continue
            new_id = self._new_id("item")
            item = msgspec.structs.replace(item, id=new_id)
            item_ids[stored.item_id] = new_id
            self._replaying[new_id] = msgspec.structs.replace(stored, item_id=new_id, item=item, done=True)
            event_id = self._new_id("event")
            self._replay_events[event_id] = new_id
            events.append(ConversationItemCreateEvent(event_id=event_id, item=item))
        self._replay_ids = frozenset(self._replaying)
        repeated = self._repeated(item_ids, calls)
        restored = SessionRestored(configured=config is not None, item_ids=item_ids, not_restored=tuple(missing))
        answers = any(isinstance(event.item, FunctionCallOutputItem) for event in repeated)
        return Replay(events=(*events, *repeated), restored=restored, answers_calls=answers)

    def _repeated(self, item_ids: Mapping[str, str], calls: set[str]) -> list[ConversationItemCreateEvent]:
        """Items that were unanswered when the connection was lost: the old server may not have received them."""
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        return [
            msgspec.structs.replace(
                event,
                event_id=self._new_id("event"),
                previous_item_id=item_ids.get(str(event.previous_item_id), UNSET)
                if event.previous_item_id != ROOT
                else ROOT,
            )
            for event in unconfirmed
            # The server would reject an output whose call is not in the conversation (rule `error.unknown_call`).
            if not isinstance(event.item, FunctionCallOutputItem) or event.item.call_id in calls
        ]


def merged(before: Any, update: Any) -> Any:
    """A configuration after an update: absent fields stay, null switches off, objects merge (rule `session.sparse`).

    An update for another kind of session, or one of None, replaces the configuration.
    """
    if type(before) is not type(update) or isinstance(update, UnknownVariant):
        return update
    fields: dict[str, Any] = {}
    for name in update.__struct_fields__:
        value, old = getattr(update, name), getattr(before, name)
        if value is UNSET:
            continue
        if isinstance(value, Extra):
            fields[name] = Extra({**old, **value})
        elif isinstance(value, MERGED) and isinstance(old, WireObject):
            fields[name] = merged(old, value)
        else:
            fields[name] = value
    return msgspec.structs.replace(before, **fields)


def _as_created(stored: StoredItem, calls: set[str]) -> tuple[ConversationItem | None, str]:
    """The item as a client may create it, without an id, and why it is incomplete."""
    if not stored.done:
        return None, "it was not finished"
    match stored.item:
        case MessageItem() as item:
            return _message(stored, item)
        case FunctionCallItem() as item:
            if item.status == "incomplete" or not is_set(item.call_id):
                return None, "the call was not finished"
            calls.add(item.call_id)
            return FunctionCallItem(name=item.name, call_id=item.call_id, arguments=item.arguments), ""
        case FunctionCallOutputItem() as item:
            if item.call_id not in calls:
                return None, "the call that it answers is not in the conversation"
            return FunctionCallOutputItem(call_id=item.call_id, output=item.output), ""
        case other:
            return None, f"only a server can make an item of the kind {other.type}"


def _message(stored: StoredItem, item: MessageItem) -> tuple[MessageItem | None, str]:
    parts: list[ContentPart] = []
    reasons: list[str] = []
    for part in item.content:
        match part:
            case InputTextPart() | InputImagePart() | OutputTextPart():
                parts.append(part)
            case TextPart(text=text):
                parts.append(_text(item, text))
            case InputAudioPart() | OutputAudioPart() | AudioPart():
                if part.transcript and is_set(part.transcript):
                    parts.append(_text(item, part.transcript))
                elif stored.truncated_at_ms is not None:
                    reasons.append("the user cut it off, and its transcript went with it")
                else:
                    reasons.append("it was spoken, and there is no transcript")
            case other:
                reasons.append(f"a part of the kind {other.type} is not known")
    if not parts:
        return None, "; ".join(reasons) or "it has no content"
    return MessageItem(role=item.role, content=parts), "; ".join(reasons)


def _text(item: MessageItem, text: str) -> ContentPart:
    return OutputTextPart(text=text) if item.role == "assistant" else InputTextPart(text=text)
