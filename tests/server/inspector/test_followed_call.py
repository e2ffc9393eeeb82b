from __future__ import annotations

import asyncio
import io
import json
import re
import wave
from typing import Any

import pytest

from duologue.server import Inspector
from duologue.server.inspector import followed_call
from duologue.server.inspector.followed_call import FollowedCall, Lost
from tests.server.inspector._looking import append, begun, end, typed


async def page_of(call: FollowedCall) -> dict[str, Any]:
    """What a page says about a call."""
    target = io.BytesIO()
    await call.page(target, nonce="abc")
    found = re.search(rb'<script type="application/json" id="call">(.*?)</script>', target.getvalue(), re.DOTALL)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


def applied(page: dict[str, Any], texts: list[bytes]) -> dict[str, Any]:
    """The page with these changes, as its script makes them."""
    for text in texts:
        changes = json.loads(text)
        page["duration_s"] = changes["duration_s"]
        for path, value in changes["set"]:
            place: Any = page
            for step in path[:-1]:
                place = place[step]
            if isinstance(place, list) and path[-1] == len(place):
                place.append(value)
            else:
                place[path[-1]] = value
    return page


async def test_a_page_with_all_changes_is_the_page_that_is_made_afterwards() -> None:
    session = begun(Inspector())
    call = FollowedCall(session, number=1)
    page = await page_of(call)
    assert page["live"]["events"] == "events?after=1-0"
    for count in range(3):
        typed(session, 1.0 + count)
        session.passed(1.5 + count, "received", append())
        await call.advance()
    end(session)
    await call.advance()
    applied(page, call.changes_after(0))
    later = await page_of(call)
    assert call.is_over
    assert later["live"]["closed"] is True
    for each in (page, later):
        del each["live"], each["frames"], each["peaks"], each["call"]["heard"]
    page["figures"] = {"cost": None, **page["figures"]}
    assert page == later
    assert later["call"]["events"]["conversation.item.create"] == 3


async def test_several_advance_at_the_same_time_and_each_line_is_folded_once() -> None:
    session = begun(Inspector())
    call = FollowedCall(session, number=1)
    await page_of(call)
    for count in range(50):
        typed(session, float(count))
    await asyncio.gather(*(call.advance() for _ in range(3)))
    assert call.lines == 101
    assert call.logged == len(call.changes_after(0)) == 1


async def test_while_no_page_was_made_no_changes_are() -> None:
    session = begun(Inspector())
    call = FollowedCall(session, number=1)
    currents = [call.is_current]
    await call.advance()
    assert [*currents, call.is_current] == [False, True]
    assert call.changes_after(0) == []


async def test_a_page_that_is_too_far_behind_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_call, "_MAX_LOG_BYTES", 3000)
    session = begun(Inspector())
    call = FollowedCall(session, number=1)
    await page_of(call)
    for count in range(10):
        typed(session, float(count))
        await call.advance()
    with pytest.raises(Lost, match="too far behind"):
        call.changes_after(0)
    with pytest.raises(Lost):
        call.changes_after(call.logged + 1)
    assert call.changes_after(call.logged) == []
    assert not call.is_lost


async def test_a_call_that_is_not_kept_any_more_is_lost() -> None:
    session = begun(Inspector())
    call = FollowedCall(session, number=1)
    await call.advance()
    session.give_up()
    with pytest.raises(Lost, match="newer ones"):
        await call.advance()
    assert call.is_lost


async def test_lines_that_were_given_up_are_told_in_a_note_and_end_a_fold_that_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = begun(Inspector())
    behind = FollowedCall(session, number=1)
    session.lines.max_bytes = 20_000
    for count in range(50):
        typed(session, float(count))
    with pytest.raises(Lost, match="too long"):
        await behind.advance()
    fresh = FollowedCall(session, number=2)
    (note,) = (await page_of(fresh))["notes"]
    assert f"its first {session.lines.first} messages are not here" in note
    monkeypatch.setattr(followed_call, "_MAX_LINES", fresh.lines)
    typed(session, 60.0)
    with pytest.raises(Lost, match="too long"):
        await fresh.advance()


async def test_frames_are_shown_without_audio_and_secrets() -> None:
    session = begun(Inspector())
    session.passed(0.1, "received", append())
    session.passed(0.2, "received", "no JSON with sk-abcdef123456")
    end(session)
    call = FollowedCall(session, number=1)
    await call.advance()
    frames = [json.loads(call.frame(number) or b"null") for number in range(5)]
    assert frames[0]["type"] == "session.created"
    assert frames[1]["audio"] == "(audio, 100 ms)"
    assert "sk-" not in frames[2]["text"]
    assert frames[3]["closed"]["code"] == 1000
    assert frames[4] is None
    assert call.frame(-1) is None


def samples(wav: bytes | None) -> tuple[int, int]:
    """How many samples there are, and how many of them are loud."""
    assert wav is not None
    with wave.open(io.BytesIO(wav)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (24_000, 1, 2)
        pcm16 = reader.readframes(reader.getnframes())
    return len(pcm16) // 2, pcm16.count(b"\x00\x40")


async def test_what_was_said_is_heard_where_it_was_said() -> None:
    inspector = Inspector()
    inspector.in_use()
    session = begun(inspector)
    for count in range(20):
        session.passed(1.0 + 0.1 * (count + 1), "received", append())
    call = FollowedCall(session, number=1)
    await call.advance()
    assert samples(await call.sound("user", 0.0, 4.0)) == (96_000, 48_000)
    assert samples(await call.sound("user", 0.0, 2.0)) == (48_000, 24_000)
    assert samples(await call.sound("user", 1.5, 1.75)) == (6_000, 6_000)
    assert await call.sound("user", 20.0, 30.0) is None
    assert await call.sound("model", 0.0, 4.0) is None
    assert samples(await call.sound("user", 2.5, 99.0))[0] == 24_000 * 30
    inspector.close()


async def test_sound_from_before_the_first_look_is_not_there() -> None:
    inspector = Inspector()
    session = begun(inspector)
    session.passed(1.0, "received", append())
    call = FollowedCall(session, number=1)
    await call.advance()
    assert await call.sound("user", 0.0, 2.0) is None
