"""Words that several events tell: in pieces, whole, and again. Nothing emptier replaces what was told."""

from __future__ import annotations

from msgspec import Struct, field

__all__ = ["ToldWords", "told_before"]


class ToldWords(Struct, eq=False):
    """The text or the transcript of one content part."""

    _pieces: list[str] = field(default_factory=list[str])
    _whole: str | None = None
    """The whole text, once an event has told it, with the pieces that came behind it."""
    _pieces_size: int = 0
    """Characters in all pieces."""

    @property
    def text(self) -> str:
        """All that was told."""
        if self._whole is not None:
            return self._whole
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def is_whole(self) -> bool:
        """Whether an event has told the whole text."""
        return self._whole is not None

    def piece(self, delta: str) -> None:
        """The next piece. Behind the whole text it is a late one of that text, or more of it."""
        if self._whole is None:
            self._pieces.append(delta)
        elif self._pieces_size + len(delta) > len(self._whole) or delta not in self._whole:
            # Not one of the pieces that the whole has and that did not arrive before it.
            if self._whole.endswith(delta):
                return  # the last piece again
            self._whole += delta
        self._pieces_size += len(delta)

    def whole(self, text: str, *, shortened: bool = False) -> None:
        """The whole text, as one event tells it. `shortened` says that it may be a part of what was told before."""
        before = self.text
        if not text or (not shortened and told_before(text, before)):
            text = before
        self._whole = text
        self._pieces.clear()

    def completed(self, text: str) -> None:
        """The whole text, as a less reliable event tells it: it only adds what is missing."""
        if told_before(self.text, text):
            self._whole = text


def told_before(part: str, text: str) -> bool:
    """Whether a text begins with this part of it, and goes on with more than spaces."""
    return len(part) < len(text.rstrip()) and text.startswith(part)
