"""What passed, as lines."""

from __future__ import annotations

from duologue.testing.script_log import ScriptLog


async def test_lines_have_connection_direction_and_name_and_repeated_ones_are_counted() -> None:
    log = ScriptLog()
    assert log.timeline() == "no client connected"
    log.sent(0, {"type": "session.created"})
    for _ in range(3):
        log.received(1, {"type": "input_audio_buffer.append"})
    log.sent(0, b"\x00" * 7)
    log.sent(0, "x" * 100)
    log.received(0, {})
    log.noted(0, "closed with 1000")
    assert [line[10:] for line in log.timeline().splitlines()] == [
        "0 ← session.created",
        "1 → input_audio_buffer.append ×3",
        "0 ← 7 bytes",
        f"0 ← '{'x' * 59}…",
        "0 → (no type)",
        "0   closed with 1000",
    ]


async def test_only_the_last_lines_are_kept() -> None:
    log = ScriptLog()
    for number in range(250):
        log.received(0, {"type": f"event.{number}"})
    lines = log.timeline().splitlines()
    assert (len(lines), lines[0], lines[-1][10:]) == (201, "  (50 lines before these)", "0 → event.249")


async def test_what_a_client_sends_is_shown_in_one_line_however_it_looks() -> None:
    log = ScriptLog()
    log.received(0, {"type": "a\nb" + "c" * 500})
    (line,) = log.timeline().splitlines()
    assert len(line) < 250
