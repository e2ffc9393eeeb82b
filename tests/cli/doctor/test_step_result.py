"""Rows hold no secrets and no control characters, whatever a server says."""

from __future__ import annotations

from duologue.cli.doctor.step_result import StepResult, shown
from duologue.transports.secret_masks import SecretMask


def test_every_text_of_a_row_is_cleaned() -> None:
    row = StepResult(
        step="tcp",
        outcome="note",
        tried="sent sekrit",
        happened="a\x1b[31m\nb " + "x" * 1000,
        remedy="sekrit",
        facts={"list": ["sekrit\0", 1], "inner": {"text": "sekrit"}, "number": 5, "none": None},
    )
    clean = shown(row, SecretMask(["sekrit"]))
    assert clean.tried == "sent …"
    assert clean.happened.startswith("a\\x1b[31m b xxx")
    assert len(clean.happened) < 700
    assert clean.remedy == "…"
    assert clean.facts == {"list": ["…\\x00", 1], "inner": {"text": "…"}, "number": 5, "none": None}
