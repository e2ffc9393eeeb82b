"""What `stream` and `on` of a Live session are asked for: classes of its notices and of the server's events."""

from __future__ import annotations

from typing import ClassVar, get_args

from duologue.client.kinds import FamilyKindFilter, FamilyKinds
from duologue.codec.live import LIVE_CLASSES
from duologue.events.live import AnyLiveServerEvent, LiveEvent, UnknownLiveEvent
from duologue.protocol.live.client.notices import LiveNotice

__all__ = ["LiveKindFilter"]


class LiveKindFilter(FamilyKindFilter):
    """Which notices and events of a Live session are of some kinds. Raises as `FamilyKindFilter` does."""

    family: ClassVar[FamilyKinds] = FamilyKinds(
        session="a Live session",
        family="Live",
        notices=get_args(LiveNotice),
        server_events=get_args(AnyLiveServerEvent),
        bases=(LiveEvent, UnknownLiveEvent),
        classes=LIVE_CLASSES,
        example=(
            'pass a class such as duologue.notices.UtteranceEnded, or a wire name such as "session.usage.updated"'
        ),
    )
