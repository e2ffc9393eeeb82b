"""A recording as a server has it: which connection a client gets, and what did not fit. No I/O once it is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.recording import ExchangeLine
from duologue.recording.secrets import scrubbed_json, url_without_keys
from duologue.testing.cassettes import failures
from duologue.testing.cassettes.client_ids import ClientIds
from duologue.testing.cassettes.comparison import IgnoredFields, differences
from duologue.testing.cassettes.contents import CassetteContents, Opening, RecordedSocket, place_of, read_contents
from duologue.testing.cassettes.expiry import age_of, postponed
from duologue.testing.cassettes.player import ConnectionPlayer, Match

__all__ = ["Cassette", "CassetteAnswer", "body_of"]

_SECRET: Final = re.compile(r"\(secret, ([0-9]+) characters\)")

_MAX_FAULTS: Final = 20
"""A client that connects again and again makes one each time; the first ones say what is wrong."""

_MAX_STAND_IN: Final = 512
"""Characters of what is handed out in the place of a secret."""


class CassetteAnswer(Struct, frozen=True, kw_only=True):
    """An answer over HTTP."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Cassette:
    """The recording, and how far it has been played. `faults` are sentences, in the order in which they were found."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        match: Match = "strict",
        ignore: Sequence[str] = (),
        unix_now_s: float = 0.0,
    ) -> None:
        """`ignore` are fields that may differ (`IgnoredFields`); `name` is what faults call it, by default its path.
        Sessions and keys end as long after `unix_now_s` as they did after the recording.

        Raises:
            RecordingError: the file cannot be read, is no recording, or is damaged.
            ValueError: there is no such kind of match, or a path of `ignore` is empty.
        """
        if match not in get_args(Match):
            raise ValueError(f"match is one of {', '.join(get_args(Match))}, not {match!r}")
        self.name: str = name or os.fspath(path)
        self.contents: CassetteContents = read_contents(path)
        self.faults: list[str] = []
        self.watch: Callable[[str], object] | None = None
        """Is told of each fault."""
        self._match: Match = match
        self._later_s = age_of(self.contents.header.started_at, unix_now_s=unix_now_s)
        self._ignored = IgnoredFields(ignore)
        self._players: list[ConnectionPlayer] = []
        self.rewind()

    def rewind(self) -> None:
        """Have all connections and requests to play again; those that are being played go on."""
        self._openings: list[Opening] = list(self.contents.openings)
        self._requests = list(self.contents.requests)

    def knows(self, method: str, target: str, *, is_socket: bool) -> bool:
        """Whether this was recorded, and has not been played yet."""
        place = place_of(url_without_keys(target))
        if is_socket:
            return any(self._is_at(opening, place) for opening in self._openings)
        return any((line.method, place_of(line.path)) == (method, place) for line in self._requests)

    def open(self, target: str) -> ConnectionPlayer | CassetteAnswer:
        """The client opens a connection to this path and query: it is played, or refused as it was recorded.

        A connection that was not recorded is a fault, and refused with HTTP 404.
        """
        place = place_of(url_without_keys(target))
        for opening in self._openings:
            if not self._is_at(opening, place):
                continue
            self._openings.remove(opening)
            if isinstance(opening, ExchangeLine):
                return self._answer(opening)
            player = ConnectionPlayer(opening, match=self._match, ignored=self._ignored, later_s=self._later_s)
            self._players.append(player)
            return player
        left = [_place(opening) or "any" for opening in self._openings]
        return self._refused(failures.no_such_socket(self.name, place, left))

    def request(self, method: str, target: str, body: bytes) -> CassetteAnswer:
        """The client sends a request over HTTP. One that was not recorded is a fault, and answered with HTTP 404."""
        place = place_of(url_without_keys(target))
        for line in self._requests:
            if (line.method, place_of(line.path)) == (method, place):
                self._requests.remove(line)
                return self._compared(line, body)
        left = [f"{line.method} {line.path}" for line in self._requests]
        return self._refused(failures.of_requests(self.name, f"{method} {place}", left))

    def mismatch(self, player: ConnectionPlayer) -> str:
        """Keep the fault of a player; returns it in words."""
        assert player.fault is not None
        return self._kept(failures.of_mismatch(self.name, player, player.fault))

    def silence(self, player: ConnectionPlayer, seconds: float) -> str:
        """Keep that a client is silent while the server waits for it; returns it in words."""
        return self._kept(failures.of_silence(self.name, player, seconds))

    def finish(self) -> list[str]:
        """All faults, with those that only the end shows: what was recorded, and did not come."""
        if self.faults:
            return self.faults  # the rest follows from them
        rest = [failures.of_rest(self.name, player) for player in self._players if player.left_over]
        never = [
            failures.never_opened(self.name, opening.place, opening.number)
            for opening in self._openings
            if isinstance(opening, RecordedSocket)
        ]
        return [*rest, *never]

    def state(self) -> list[str]:
        """What did not fit so far, or else how far each connection has been played."""
        return self.faults or [failures.of_state(self.name, player) for player in self._players]

    def _is_at(self, opening: Opening, place: str) -> bool:
        recorded = _place(opening)
        if recorded is None or recorded == place:
            return True
        # Below strict, the path is enough: another model may answer in the same order.
        return self._match != "strict" and urlsplit(recorded).path == urlsplit(place).path

    def _compared(self, line: ExchangeLine, body: bytes) -> CassetteAnswer:
        came = body_of(body)
        if self._match == "strict":
            found = differences(
                {"request": line.request},
                {"request": scrubbed_json(came)},
                ids=ClientIds(frozenset()),
                ignored=self._ignored,
            )
            if found:
                what = "\n".join(f"    {difference}" for difference in found)
                return self._refused(
                    f"{self.name}: {line.method} {line.path} is not as it was recorded.\n{what}\n"
                    "  If the recording is out of date: record it again.",
                )
        return self._answer(line)

    def _answer(self, line: ExchangeLine) -> CassetteAnswer:
        if line.answer is None:
            return CassetteAnswer(status=line.status, body=b"")
        if isinstance(line.answer, str):
            return CassetteAnswer(
                status=line.status, body=_with_stand_in(line.answer).encode(), content_type="text/plain"
            )
        content = postponed(line.answer, self._later_s) if isinstance(line.answer, dict) else line.answer
        return CassetteAnswer(status=line.status, body=_with_stand_in(write_text(content).decode()).encode())

    def _refused(self, fault: str) -> CassetteAnswer:
        self._kept(fault)
        return CassetteAnswer(
            status=404, body=write_text({"error": {"type": "invalid_request_error", "message": fault}})
        )

    def _kept(self, fault: str) -> str:
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(fault)
        if self.watch is not None:
            self.watch(fault)
        return fault


def _place(opening: Opening) -> str | None:
    return place_of(opening.path) if isinstance(opening, ExchangeLine) else opening.place


def _with_stand_in(text: str) -> str:
    """The text with something that clients take for a key where the recording only says that there was one."""
    return _SECRET.sub(lambda found: f"ek_{'0' * min(max(1, int(found[1][:4]) - 3), _MAX_STAND_IN)}", text)


def body_of(body: bytes) -> Any:
    """A body as recordings have it: the JSON that it is, else its text; None for an empty one."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
