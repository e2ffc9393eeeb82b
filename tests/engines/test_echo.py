"""The translator that does not translate."""

from __future__ import annotations

from duologue.engines.base import TranslatorRequest
from duologue.engines.checks import check_translator
from duologue.engines.echo import EchoTranslator
from duologue.engines.scripted import ScriptedTranslator


async def test_it_gives_the_words_back_and_says_that_it_does_not_translate() -> None:
    echo = EchoTranslator()
    words = [piece async for piece in echo.translate(TranslatorRequest(text="good morning", language="es"))]
    assert words == ["good morning"]
    assert not echo.translates


async def test_the_shipped_translators_keep_the_contract() -> None:
    await check_translator(EchoTranslator())
    await check_translator(ScriptedTranslator(["buenos días"]))


async def test_the_scripted_one_begins_again_after_its_last_line() -> None:
    scripted = ScriptedTranslator(["uno", "dos tres"])
    request = TranslatorRequest(text="x", language="es")
    said = ["".join([piece async for piece in scripted.translate(request)]) for _ in range(3)]
    assert said == ["uno", "dos tres", "uno"]
    assert scripted.requests == [request] * 3
