"""What the page of mistakes quotes is what the code says."""

from __future__ import annotations

import re
from itertools import chain

from duologue.protocol.live.server.errors import REFUSALS
from duologue.protocol.server.errors import INVALID_REQUESTS
from duologue.server.rejections import REJECTIONS
from website.errors.messages import messages
from website.pages import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
LOOP_LAG = (ROOT / "src" / "duologue" / "client" / "asyncio" / "loop_lag.py").read_text(encoding="utf-8")


def quoted() -> list[str]:
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return list(chain.from_iterable(block.splitlines() for block in blocks))


def patterns() -> list[re.Pattern[str]]:
    """Of every message, with anything in the place of what is filled in."""
    sent = chain(
        (row.message for row in REJECTIONS.values()),
        (message for _, message in INVALID_REQUESTS.values()),
        (message for _, message in REFUSALS.values()),
    )
    raised = (each.text for each in messages(ROOT / "src" / "duologue"))
    texts = chain((re.sub(r"\{[^}]*\}", "…", message) for message in sent), raised)
    return [re.compile(".+".join(map(re.escape, text.split("…")))) for text in texts if len(text) > 20]


def test_every_message_on_the_page_is_one_of_ours() -> None:
    known = patterns()
    unknown = [line for line in quoted() if not any(pattern.fullmatch(line) for pattern in known)]
    assert all("event loop has been blocked" in line for line in unknown), unknown
    assert "the event loop has been blocked for more than" in LOOP_LAG
    assert len(quoted()) >= 7


def test_there_are_ten_mistakes() -> None:
    assert len(re.findall(r"^## ", PAGE, re.MULTILINE)) == 10
