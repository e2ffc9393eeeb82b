"""What docstrings of every style say, with the library that reads them and without it."""

from __future__ import annotations

import inspect
import logging
import sys

import pytest

from duologue.protocol.client.tools.docstrings import Description, describe

GOOGLE = """The weather in a city.

Today's, in a sentence.

Args:
    city: Its name,
        without the country.
    unit (str): Of the temperature.

Returns:
    city: A sentence.
"""

NUMPY = """The weather in a city.

Today's, in a sentence.

Parameters
----------
city : str
    Its name,
    without the country.
unit : str, optional
    Of the temperature.

Returns
-------
str
    A sentence.
"""

SPHINX = """The weather in a city.

Today's, in a sentence.

:param city: Its name,
    without the country.
:param str unit: Of the temperature.
:returns: A sentence.
"""

EPYDOC = """The weather in a city.

Today's, in a sentence.

@param city: Its name, without the country.
@param unit: Of the temperature.
"""

WEATHER = Description(
    text="The weather in a city.\n\nToday's, in a sentence.",
    entries={"city": "Its name, without the country.", "unit": "Of the temperature."},
)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    describe.cache_clear()


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docstring_parser", None)


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX, EPYDOC], ids=["google", "numpy", "sphinx", "epydoc"])
def test_every_style_describes_the_function_and_its_parameters(docstring: str) -> None:
    assert describe(docstring) == WEATHER


def test_several_parameters_of_one_entry_are_described_alike() -> None:
    docstring = "Move.\n\nParameters\n----------\nx, y : int\n    In metres.\n*rest\n    More.\n"
    assert describe(docstring).entries == {"x": "In metres.", "y": "In metres.", "rest": "More."}


@pytest.mark.parametrize("docstring", ["", "Do: it now.\n\nNote well: the colon.", "Do it"])
def test_a_docstring_without_entries_is_all_text(docstring: str) -> None:
    assert describe(docstring) == Description(text=docstring)


@pytest.mark.usefixtures("without_library")
def test_googles_style_is_read_without_the_library() -> None:
    assert describe(GOOGLE) == WEATHER


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("docstring", [NUMPY, SPHINX, EPYDOC], ids=["numpy", "sphinx", "epydoc"])
def test_other_styles_name_the_extra_that_reads_them(docstring: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        described = describe(docstring)
    assert described.text.startswith("The weather in a city.")
    assert [record.getMessage() for record in caplog.records] == [
        "parameters described in this style are read with the extra: pip install 'duologue[tools]' "
        "(The weather in a city.)"
    ]


def test_a_docstring_that_cannot_be_parsed_is_all_text() -> None:
    docstring = inspect.cleandoc(":param")
    assert describe(docstring) == Description(text=":param")
