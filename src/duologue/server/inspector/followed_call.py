"""A call that is looked at: its lines are folded from the first one that is kept, and then as they come.

Those who look share the fold, and a log of its changes, which is bounded: the one who is behind its beginning has to
load the page again. Between a few lines other sessions have their turn.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections import deque
from itertools import islice
from typing import Final

from duologue.codec.jsontext import write_text
from duologue.events.base64_text import decode_base64
from duologue.inspection.page import Document, LaneFold, Redaction, call_content
from duologue.inspection.page.frame_texts import packed, shown_line
from duologue.inspection.page.sound_lanes import PlacedSound
from duologue.inspection.reading import FrameSound, ReadEvent
from duologue.recording import Frame
from duologue.server.inspector.call_changes import CallChanges, SentPeaks
from duologue.server.inspector.kept_session import KeptSession
from duologue.server.inspector.kept_sounds import KeptSounds

__all__ = ["FollowedCall", "Lost"]

_LINES_AT_ONCE: Final = 16
"""Between which other sessions have their turn: a line takes a tenth of a millisecond."""

_MAX_LOG_BYTES: Final = 2 << 20
"""Of changes that those who look may be behind: half a minute of a call with much text."""

_MAX_LINES: Final = 300_000
"""Of a fold, which takes 50 bytes for each: an hour with pieces of 20 ms."""

_FIGURES_LINES: Final = 2000
"""For each so many lines, another change is told without figures: those of an hour take 20 ms."""

_MAX_LISTENED_S: Final = 30.0
"""Of one answer with sound: 1.4 MB."""


class Lost(Exception):
    """The one who looks cannot be told the changes since the page was made."""


class FollowedCall:
    """The fold of one kept session."""

    def __init__(self, session: KeptSession, *, number: int) -> None:
        """`number` tells it from other folds of the session: they begin elsewhere."""
        self.session = session
        self.number = number
        self.viewers = 0
        self.is_lost: bool = False
        """Whether it cannot go on: another fold can be made of what is kept."""
        header, lines = session.header, session.lines
        self._user_store, self._model_store = KeptSounds(lines), KeptSounds(lines)
        self._fold = LaneFold(header, user_store=self._user_store, model_store=self._model_store)
        self._redaction = Redaction()
        self._first = self._next = max(lines.first, lines.end - _MAX_LINES // 2)
        """Numbers of the first line of the fold, and of the next one."""
        self._is_finished = False
        self._user_peaks, self._model_peaks = SentPeaks(), SentPeaks()
        self._log: deque[bytes] = deque()
        """The latest changes, as JSON."""
        self._log_bytes = 0
        self.logged: int = 0
        """How many changes there were."""
        self._has_page = False
        """Whether a page has what may be changed."""
        self._folding = asyncio.Lock()

    @property
    def lines(self) -> int:
        """How many lines are folded."""
        return self._next - self._first

    @property
    def is_over(self) -> bool:
        """Whether the session is over, and all of it folded."""
        return self._is_finished

    @property
    def is_current(self) -> bool:
        """Whether nothing has come since it was folded."""
        session = self.session
        return session.is_kept and session.is_open and self._next == session.lines.end

    async def advance(self) -> None:
        """Fold what has come, and add what it has changed to the log. Others may call it at the same time.

        Raises Lost: lines were given up before they were folded, or there are too many for one fold.
        """
        async with self._folding:
            changes = await self._folded()
            if changes is None or not self._has_page:
                return
            text = write_text(
                changes.to_json(
                    lines=self.lines,
                    redaction=self._redaction,
                    user=self._user_peaks,
                    model=self._model_peaks,
                    figures=self._is_finished or self.logged % (1 + self.lines // _FIGURES_LINES) == 0,
                )
            )
            self._log.append(text)
            self._log_bytes += len(text)
            self.logged += 1
            while self._log_bytes > _MAX_LOG_BYTES:
                self._log_bytes -= len(self._log.popleft())

    def changes_after(self, count: int) -> list[bytes]:
        """The changes behind the first so many. Raises Lost: they are not in the log any more."""
        missing = self.logged - count
        if not 0 <= missing <= len(self._log):
            raise Lost("the page is too far behind")
        return list(islice(self._log, len(self._log) - missing, None))

    async def page(self, target: io.BytesIO, *, nonce: str) -> None:
        """Write the page of the call as it is now. Raises Lost, as `advance` does."""
        await self.advance()
        async with self._folding:
            fold, session = self._fold, self.session
            content = call_content(session.header, fold, self._redaction, title=f"Call {session.session_id}")
            self._user_peaks.replace(decode_base64(content["peaks"]["user"]))
            self._model_peaks.replace(decode_base64(content["peaks"]["model"]))
            index = write_text(fold.frames.columns())
            lines, logged, is_over = self.lines, self.logged, self.is_over
            self._has_page = True
        content |= {"notes": self._notes(), "audio": {"user": [], "model": []}, "against": None}
        content["frames"] = {"count": lines, "chunks": [], "index": "frames-index"}
        content["live"] = {
            "events": f"events?after={self.number}-{logged}",
            "audio": "audio/{side}/{begin_ms}-{end_ms}",
            "frame": "frames/{number}",
            "closed": is_over,
        }
        document = Document(target, nonce=nonce, live=True)
        # In a thread: it takes 0.3 s for a call of an hour, and nearly all of that without the interpreter's lock.
        document.packed("frames-index", await asyncio.to_thread(packed, index))
        document.data("call", write_text(content))
        document.close()

    def frame(self, number: int) -> bytes | None:
        """A frame as a page shows it, as JSON; None for one that is not kept."""
        line = self.session.lines.line(number + self._first) if 0 <= number < self.lines else None
        if line is None:
            return None
        read = None
        if isinstance(line, Frame):
            store = self._user_store if line.direction == "received" else self._model_store
            sound = FrameSound(base64="", encoding=store.encoding) if store.encoding is not None else None
            read = ReadEvent(None, "", "client" if line.direction == "received" else "server", sound)
        return shown_line(line, None, self._redaction, read)

    async def sound(self, side: str, begin_s: float, end_s: float) -> bytes | None:
        """A WAV file of this time of one side; None where nothing is to be heard."""
        end_s = min(end_s, begin_s + _MAX_LISTENED_S)
        placed = self._fold.user.placed() if side == "user" else self._fold.model.placed(self._fold.call.view)
        within = [each for each in placed if each.begin_s < end_s and begin_s < each.end_s]
        if not within:
            return None
        rate_hz = within[0].sound.rate_hz
        track = bytearray(2 * round((end_s - begin_s) * rate_hz))
        for each in within:
            if each.sound.rate_hz == rate_hz:
                await self._lay(track, each, begin_s, end_s)
        return _wav(bytes(track), rate_hz) if any(track) else None

    async def _lay(self, track: bytearray, placed: PlacedSound, begin_s: float, end_s: float) -> None:
        """Lay a sound over a track that begins at `begin_s`, a second at a time."""
        rate_hz = placed.sound.rate_hz
        at_s, last_s = max(placed.begin_s, begin_s), min(placed.end_s, end_s)
        while at_s < last_s:
            until_s = min(at_s + 1.0, last_s)
            offset_s = placed.offset_s + at_s - placed.begin_s
            pcm16 = placed.sound.read(offset_s, offset_s + until_s - at_s)
            place = 2 * round((at_s - begin_s) * rate_hz)
            pcm16 = pcm16[: max(0, len(track) - place)]
            track[place : place + len(pcm16)] = pcm16
            at_s = until_s
            await asyncio.sleep(0)

    async def _folded(self) -> CallChanges | None:
        """Fold the lines that have come; None if there are none."""
        session, fold, changes = self.session, self._fold, CallChanges(self._fold)
        begun_at = self._next
        if not session.is_kept:
            self.is_lost = True
            raise Lost("the session is not kept any more: there are too many newer ones")
        while self._next < session.lines.end:
            for number in range(self._next, min(self._next + _LINES_AT_ONCE, session.lines.end)):
                line = session.lines.line(number)
                if line is None or self.lines >= _MAX_LINES:
                    self.is_lost = True
                    raise Lost("the call is too long to be followed from where this page began")
                self._user_store.at(number)
                self._model_store.at(number)
                changes.add(fold.push(line))
                read = fold.call.read
                if read is not None and read.sound is not None:
                    (self._user_store if read.by == "client" else self._model_store).was(read.sound.encoding)
                self._next = number + 1
            await asyncio.sleep(0)
        if not session.is_open and not self._is_finished:
            self._is_finished = True
            changes.finish(fold.finish())
            return changes
        return changes if self._next != begun_at else None

    def _notes(self) -> list[str]:
        if not self._first:
            return []
        return [f"The call is too long to be kept whole: its first {self._first:,} messages are not here."]


def _wav(pcm16: bytes, rate_hz: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm16)
    return file.getvalue()
