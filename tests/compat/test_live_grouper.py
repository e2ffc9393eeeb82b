"""Our grouping of a Live transcript beside that of the official JavaScript package, over the same sequences."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeAlias

import pytest

from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, UtteranceEnded
from duologue.protocol.live.client.transcript import TranscriptGrouper
from tests.compat._javascript import driven

pytestmark = pytest.mark.timeout(60)

Arrival: TypeAlias = tuple[int, Speaker, str, int, int]
"""When a piece comes, in milliseconds; whose it is; its words; its begin and end in the session's time."""

WORDS: Final = (" Where", " is it", "?", " No", " wait", " I think", ".", " and", " we", " can", " leave", " ")
ACKNOWLEDGEMENTS: Final = (" Mhm", " mm", "-hmm.", " Okay", " uh", " huh", ",", " right.", " Yeah!", " sure")
TYPES: Final = {"user": "session.input_transcript.delta", "assistant": "session.output_transcript.delta"}
SETTLED_MS: Final = 10_000


def sequence(random: Random) -> list[Arrival]:
    """Pieces on a grid, with overlaps, pauses, acknowledgements, late arrivals, and now and then a new beginning."""
    arrivals: list[Arrival] = []
    at = start_ms = 0
    speaker: Speaker = "user"
    for _ in range(random.randint(1, 25)):
        chance = random.random()
        if chance < 0.35:
            speaker = "assistant" if speaker == "user" else "user"
        elif chance < 0.37 and start_ms > 5000:
            start_ms = 0
        start_ms += random.choice((0, 0, 200, 200, 200, 400, 490, 500, 510, 1000, 2000, 2010, 3000))
        at += random.choice((0, 3, 30, 60, 200, 200, 200, 400, 600, 1500, 2500))
        said = random.choice(ACKNOWLEDGEMENTS if speaker == "assistant" and random.random() < 0.6 else WORDS)
        arrivals.append((at, speaker, said, start_ms, start_ms + random.choice((0, 200, 200, 200, 400, 900))))
    return arrivals


def wire(arrivals: Sequence[Arrival]) -> list[tuple[int, dict[str, Any]]]:
    """The same as the server's events."""
    return [
        (at, {"type": TYPES[who], "event_id": f"event_{n}", "delta": said, "start_ms": start, "end_ms": end})
        for n, (at, who, said, start, end) in enumerate(arrivals)
    ]


def ours(arrivals: Sequence[Arrival], until: int) -> tuple[list[list[Any]], str]:
    """The groups without acknowledgements, which theirs drops, and all words that were reported."""
    grouper = TranscriptGrouper()
    notices: list[TranscriptDelta | UtteranceEnded] = []

    def pass_time(at: int) -> None:
        # A due time is a sum of fractions of a second; the other clock counts whole milliseconds.
        while grouper.next_tick_at <= at / 1000 + 1e-9:
            notices.extend(grouper.tick(grouper.next_tick_at))

    for at, who, said, start, end in arrivals:
        pass_time(at)
        notices += grouper.add(who, said, start, end, now=at / 1000)
    pass_time(until)
    notices += grouper.end()
    ended = [notice for notice in notices if isinstance(notice, UtteranceEnded)]
    groups = [
        [one.utterance.speaker, plain(one.utterance.text), one.utterance.start_ms, one.utterance.end_ms, one.reason]
        for one in ended
        if not one.utterance.backchannel
    ]
    return groups, "".join(sorted(notice.delta for notice in notices if isinstance(notice, TranscriptDelta)))


def plain(text: str) -> str:
    """Without spaces: theirs puts one between pieces that were parted by the other speaker, ours leaves all as sent."""
    return "".join(text.split())


async def test_both_make_the_same_utterances_of_the_same_words() -> None:
    sequences = [sequence(Random(seed)) for seed in range(600)]
    ends_at = [arrivals[-1][0] + Random(seed).choice((0, 100, SETTLED_MS)) for seed, arrivals in enumerate(sequences)]
    async with driven("live_grouper.mjs") as client:
        client.order(
            sequences=[
                {"arrivals": wire(arrivals), "until": until} for arrivals, until in zip(sequences, ends_at, strict=True)
            ]
        )
        [report] = await client.until("grouped")
    differing = []
    for seed, (arrivals, until, theirs) in enumerate(zip(sequences, ends_at, report["groups"], strict=True)):
        expected = [[who, plain(text), *rest] for who, text, *rest in theirs if text.strip()]
        groups, reported = ours(arrivals, until)
        assert reported == "".join(sorted(said for _, _, said, _, _ in arrivals))
        if groups != expected:
            differing.append((seed, until, arrivals, groups, expected))
    assert differing == []
