"""Legs in recordings, beside the sessions of their calls."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pytest

from duologue.inspection import CallFold, CallView
from duologue.recording import LegLine, RecordingReader, RecordingWriter
from duologue.recording.lines import line_from, line_to_json
from duologue.telephony import Digit, Flow, LegCodec, Played, Twilio
from duologue.telephony.carrier import CallPlan, CallSettings, KeysAt, MarkEcho
from duologue.telephony.recorded_leg import LegLines, RecordedLeg, without_numbers
from duologue.transports import memory_pair
from tests.telephony._frames import CODECS, FRAMES, started
from tests.telephony.carrier._calls import joined_call, says


def _folded(file: BytesIO) -> tuple[CallView, list[LegLine]]:
    file.seek(0)
    recording = RecordingReader("a recording", stream=file)
    fold, legs = CallFold(recording.header), list[LegLine]()
    for line in recording.lines():
        fold.push(line)
        if isinstance(line, LegLine):
            legs.append(line)
    return fold.view, legs


@pytest.mark.virtual_time
@pytest.mark.parametrize(("protocol", "marks"), [("twilio", None), ("plivo", None), ("vonage", "none")])
async def test_the_recording_of_a_session_has_its_leg_and_what_the_caller_heard(
    protocol: str, marks: MarkEcho | None
) -> None:
    file = BytesIO()
    plan = CallPlan(says=says(None, 1_500), keys=(KeysAt(keys="5", at_s=6),))
    async with joined_call(protocol, plan, CallSettings(marks=marks), record=file) as joined:
        report = await joined.call.run()
    view, legs = _folded(file)
    assert {each.protocol for each in legs} == {protocol}
    assert all(line_from(line_to_json(each)) == each for each in legs)
    rows = {kind: [each for each in view.leg if each.kind == kind] for kind in {each.kind for each in view.leg}}
    heard = rows["heard"]
    assert sum((each.end_s or 0) - each.at_s for each in heard) * 1000 == pytest.approx(report.heard_ms, abs=10)
    (clear,) = rows["clear"]
    assert clear.dropped_ms == pytest.approx(report.clears[0].dropped_ms, abs=10)
    assert heard[0].text == "the queue was emptied"
    assert len(rows["mark"]) == report.marks_sent
    assert len(rows.get("returned", [])) == report.marks_echoed
    assert [each.text for each in rows["key"]] == ["5"]
    assert len(rows["started"]) == 1
    assert b"0100042" not in file.getvalue()


@pytest.mark.virtual_time
async def test_the_carrier_records_its_own_end() -> None:
    theirs, ours = memory_pair()
    file = BytesIO()
    with RecordingWriter(file, clock=asyncio.get_running_loop().time) as writer:
        leg = RecordedLeg(theirs, Twilio(), writer, carrier=True)
        for frame in FRAMES["twilio"]:
            assert isinstance(frame, str)
            await leg.send(frame)
        codec = started("twilio")
        for command in (codec.play(bytes(160)), codec.mark("1"), codec.clear(), "?"):
            assert command is not None
            await ours.send(command)
            await leg.receive()
        await leg.close()
    _, legs = _folded(file)
    assert [(each.direction, each.kind) for each in legs] == [
        *(("received", kind) for kind in ("other", "started", "audio", "key", "mark", "ended")),
        *(("sent", kind) for kind in ("audio", "mark", "clear", "other")),
    ]
    assert legs[2].audio == bytes(range(160))
    assert (legs[2].format, legs[2].rate_hz, legs[2].text) == ("audio/pcmu", 8_000, "")


@pytest.mark.parametrize("name", CODECS)
def test_every_frame_of_every_codec_has_a_line(name: str) -> None:
    lines = LegLines(CODECS[name]())
    told = [lines.told(frame, at_s=1.0) for frame in FRAMES[name]]
    assert {"started", "audio"} <= {each.kind for each in told}
    assert all(line_from(line_to_json(each)) == each for each in told)
    assert "0042" not in repr(told)


def test_a_line_has_what_a_frame_says() -> None:
    codec: LegCodec = started("asterisk")
    lines = LegLines(codec)
    told = [lines.told(codec.write(event), at_s=0) for event in (Flow(on=False), Digit(digit="#"), Played(name="1.2"))]
    assert [(each.kind, each.name) for each in told] == [("flow", "is full"), ("key", "#"), ("mark", "1.2")]
    hang_up = codec.hang_up()
    assert hang_up is not None
    assert lines.asked(hang_up, at_s=0).kind == "ended"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"from":"+15551230042","to":"5559990000"}', '{"from":"…42","to":"…00"}'),
        (
            '{"customParameters":{"caller":"0711 123456","customer":"4711"}}',
            '{"customParameters":{"caller":"…56","customer":"4711"}}',
        ),
        ('{"sip":"sip:+49711123456@example.com"}', '{"sip":"…56@example.com"}'),
        (
            "MEDIA_START caller:15551230042 channel_id:pbx-1700000000.9",
            "MEDIA_START caller:…42 channel_id:pbx-1700000000.9",
        ),
        ('{"callSid":"CA40325ec25efd4bd3805f53576e581d13","timestamp":"1700000000000"}', None),
        ('{"from":"anonymous","to":"7"}', None),
    ],
)
def test_numbers_are_hidden_and_ids_are_not(text: str, shown: str | None) -> None:
    assert without_numbers(text) == (shown or text)


@pytest.mark.parametrize(
    "leg",
    [
        {"protocol": "x", "direction": "sent", "kind": "audio", "audio": "AA==", "format": "audio/none"},
        {"protocol": "x", "direction": "sent", "kind": "audio", "audio": "AAA=", "format": "audio/pcm", "rate_hz": 1},
        {"protocol": "x", "direction": "sent", "kind": "audio", "format": "audio/pcmu"},
        {"protocol": "x", "direction": "received", "kind": "clear"},
        {"protocol": "x", "direction": "sent", "kind": "clear", "name": "\u0000" * 9_000},
    ],
)
def test_what_a_recording_brings_is_borne(leg: dict[str, Any]) -> None:
    fold = CallFold()
    fold.push(line_from({"at_s": 1.0, "leg": leg}))
    fold.push(line_from({"at_s": 1e7, "leg": {"protocol": "x", "direction": "received", "kind": "ended"}}))
    assert len(fold.view.leg) <= 3
