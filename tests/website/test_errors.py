"""No error is without a sentence that says what to do, and the page of errors is the one that the tables make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from duologue import errors
from duologue.cli.errors import EXIT_FAILURE, EXIT_USAGE
from duologue.client.refusals import REFUSING_CLOSES, RETRYABLE_CLOSES
from duologue.protocol.live.server.errors import REFUSALS
from duologue.protocol.server.errors import INVALID_REQUESTS
from duologue.server.limits import Limits
from duologue.server.rejections import REJECTIONS
from duologue.transports.network_faults import CERTIFICATE_PROBLEMS
from website.errors.messages import error_classes, invalid_values, messages
from website.errors.pages import errors_page, messages_page, network_problems
from website.errors.remedies import differences, read_remedies
from website.pages import ROOT

PACKAGE = ROOT / "src" / "duologue"
REMEDIES = read_remedies()
TABLES: dict[str, Mapping[Any, Any]] = {
    "rejections": REJECTIONS,
    "invalid_requests": INVALID_REQUESTS,
    "live_refusals": REFUSALS,
    "network": network_problems(),
    "certificates": CERTIFICATE_PROBLEMS,
    "exceptions": error_classes(PACKAGE),
}
SERVING = ("server", "protocol/server", "protocol/live/server", "protocol/translation/server", "protocol/media")
SENT_BY_CLIENTS = "protocol/client/call"


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert written == errors_page(), "run: python -m website.errors"


@pytest.mark.parametrize("section", TABLES)
def test_every_error_of_a_table_says_what_to_do(section: str) -> None:
    assert differences(REMEDIES[section], TABLES[section]) == [], "in website/errors/remedies.toml"


def test_every_close_code_of_either_side_is_explained() -> None:
    known = {*(row.close_code for row in REJECTIONS.values()), *RETRYABLE_CLOSES, *REFUSING_CLOSES, 1000, 1002}
    assert {str(code) for code in known} - REMEDIES["close_codes"].keys() == set()


def test_every_exit_code_is_explained() -> None:
    assert {"0", str(EXIT_FAILURE), str(EXIT_USAGE), "130", "143"} == REMEDIES["exit_codes"].keys()


def _codes(path: Path) -> set[str]:
    """Codes of errors that are written where they are sent, and not in a table."""
    return set(re.findall(r"\bcode=\"(\w+)\"", path.read_text(encoding="utf-8")))


def test_every_code_outside_the_tables_is_explained() -> None:
    sent = {
        code for room in (*SERVING, SENT_BY_CLIENTS) for path in (PACKAGE / room).rglob("*.py") for code in _codes(path)
    }
    tabled = {code for code, _ in (*INVALID_REQUESTS.values(), *REFUSALS.values())}
    tabled |= {row.code for row in REJECTIONS.values()}
    assert len(sent) > 3
    assert sent - tabled - REMEDIES["failures"].keys() == set(), "in [failures] of website/errors/remedies.toml"
    assert REMEDIES["failures"].keys() - sent == set()


def test_the_exceptions_are_those_of_the_tree() -> None:
    assert set(errors.__all__) <= set(error_classes(PACKAGE))
    assert error_classes(PACKAGE)["SessionLost"].parents == ("ConnectionClosedError",)


@pytest.mark.parametrize("section", REMEDIES)
def test_a_remedy_is_a_sentence(section: str) -> None:
    for name, sentence in REMEDIES[section].items():
        assert re.fullmatch(r"[A-Z].{10,}\.", sentence), f"{section}.{name}: {sentence!r}"


def test_limits_that_remedies_name_are_there() -> None:
    named = {
        name for each in REMEDIES.values() for text in each.values() for name in re.findall(r"--limit (\w+)", text)
    }
    assert named - {field.name for field in fields(Limits)} == set()
    assert len(named) > 3


def test_messages_are_found_through_variables_functions_and_constants() -> None:
    found = {(each.exception, each.text) for each in messages(PACKAGE)}
    assert ("AudioError", "… is not a WAV file: it is empty") in found  # returned by a function
    assert ("ConnectFailed", "… did not answer within … s") in found
    assert ("MissingExtra", "not installed; run: pip install 'duologue[…]'") in found  # given by the class itself
    assert len(found) > 400
    silent = set(error_classes(PACKAGE)) - {name for name, _ in found}
    assert silent == {"ModelNotFound", "PriceError", "ProtocolError", "RemoteProtocolError"}  # a table's or a library's


def test_every_exception_with_messages_is_on_their_page() -> None:
    page = messages_page(PACKAGE)
    for name in {each.exception for each in messages(PACKAGE)}:
        assert f"\n## {name}\n" in page
    assert page.count("\n- ") == len(messages(PACKAGE)) + len(invalid_values(PACKAGE))
