"""What `stream` and `on` of a translation are asked for: classes of its notices and of the server's events."""

from __future__ import annotations

from typing import ClassVar, get_args

from duologue.client.kinds import FamilyKindFilter, FamilyKinds
from duologue.codec.families import TRANSLATION_CLASSES
from duologue.events import AnyTranslationServerEvent, TranslationEvent, UnknownTranslationEvent
from duologue.protocol.translation.client.notices import TranslationNotice

__all__ = ["TranslationKindFilter"]


class TranslationKindFilter(FamilyKindFilter):
    """Which notices and events of a translation are of some kinds. Raises as `FamilyKindFilter` does."""

    family: ClassVar[FamilyKinds] = FamilyKinds(
        session="a translation",
        family="a translation",
        notices=get_args(TranslationNotice),
        server_events=get_args(AnyTranslationServerEvent),
        bases=(TranslationEvent, UnknownTranslationEvent),
        classes=TRANSLATION_CLASSES,
        example=(
            'pass a class such as duologue.notices.TranslatedText, or a wire name such as "session.output_audio.delta"'
        ),
    )
