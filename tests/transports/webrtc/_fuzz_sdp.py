"""Answers mutated offers, and takes mutated answers, on a stack: run as a program, which a fault may take down."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Final, TextIO

from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft, PeerSettings, Stack
from duologue.transports.webrtc.stacks import load_stack

OFFERS: Final = sorted((Path(__file__).parent / "offers").glob("*.sdp"))
WITHIN_S: Final = 10

_WORDS: Final = [
    "",
    "0",
    "-1",
    "65536",
    "4294967296",
    "9" * 30,
    "\x01",
    "é",
    "*",
    "a" * 5000,
    "opus/48000/2",
    "VP8/90000",
]


def mutated(lines: list[str], chance: random.Random) -> str:
    """One to four changes: of a line, of a word, of a character, of the order, of two offers."""
    lines = list(lines)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        match chance.randrange(8):
            case 0:
                del lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines) + 1), lines[at])
            case 2:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                words = lines[at].replace(":", " ").split(" ")
                lines[at] = lines[at].replace(chance.choice(words) or " ", chance.choice(_WORDS), 1)
            case 4:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case 5:
                position = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:position] + chr(chance.randrange(1, 0x2000)) + lines[at][position + 1 :]
            case 6:
                lines[at : at + 1] = [lines[at]] * chance.randint(2, 40)
            case _:
                foreign = chance.choice(OFFERS).read_text(encoding="utf-8").splitlines()
                lines.insert(at, chance.choice(foreign))
        lines = lines or ["v=0"]
    return "\r\n".join(lines) + "\r\n"


async def _one(stack: Stack, text: str, *, as_answer: bool) -> str:
    peer = stack.new_peer(PeerSettings())
    try:
        async with asyncio.timeout(WITHIN_S):
            if as_answer:
                await peer.offer()
                await peer.connect(text)
            else:
                await peer.answer(text)
        return "taken"
    except (InvalidOffer, NoPortsLeft) as fault:
        return type(fault).__name__
    finally:
        await peer.close()


async def fuzz(name: str, number: int, seed: int, last: TextIO) -> Counter[str]:
    """How `number` mutations ended; anything but a refusal is raised, or ends the process."""
    stack, chance, ends = load_stack(name), random.Random(seed), Counter[str]()
    helper = stack.new_peer(PeerSettings())
    answer = await helper.answer(OFFERS[0].read_text(encoding="utf-8"))
    await helper.close()
    for turn in range(number):
        as_answer = turn % 4 == 3
        source = answer if as_answer else chance.choice(OFFERS).read_text(encoding="utf-8")
        text = mutated(source.splitlines(), chance)
        last.seek(0)  # so that the text that took the process down is known
        last.truncate()
        last.write(text)
        last.flush()
        ends[await _one(stack, text, as_answer=as_answer)] += 1
    return ends


def _main(name: str, number: str, seed: str, path: str) -> None:
    with Path(path).open("w", encoding="utf-8") as last:
        ends = asyncio.run(fuzz(name, int(number), int(seed), last))
    sys.stdout.write(json.dumps(ends) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
