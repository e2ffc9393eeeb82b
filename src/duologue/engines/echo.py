"""A translator that does not translate: it gives the words back, so that a client can be developed without a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from duologue.engines.base import TranslatorRequest

__all__ = ["EchoTranslator"]


class EchoTranslator:
    """Gives back the recognised words, in their own language, whatever language is asked for."""

    name: str = "echo"
    translates: bool = False

    async def translate(self, request: TranslatorRequest, /) -> AsyncGenerator[str, None]:
        """The words as they are, in one piece."""
        if request.text:
            yield request.text
