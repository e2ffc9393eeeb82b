"""The page of options is the one that the table makes."""

from __future__ import annotations

import re
from dataclasses import fields

from duologue.cli.serving.option_page import page
from duologue.cli.serving.option_sources import NEVER_ARGUMENTS, variable_of
from duologue.cli.serving.options import ServeOptions
from tests.repo._tree import ROOT


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m duologue.cli.serving.option_page docs/reference/options.md"


def test_every_option_is_on_it_with_its_variable_and_its_meaning() -> None:
    text = page()
    for field in fields(ServeOptions):
        option = f"--{field.name.replace('_', '-')}"
        [row] = re.findall(rf"^\| .*\| `{variable_of(field.name)}` \|.*$", text, re.MULTILINE)
        assert (f"| `{option}` |" in row) is (field.name not in NEVER_ARGUMENTS)
        assert not row.endswith("|  |"), f"{option} has no help"
