from __future__ import annotations

from duologue import testing
from duologue.engines import checks
from duologue.engines.base import ResponderRequest
from duologue.engines.checks import responder_request
from duologue.testing import scripted_app_engines, scripted_engines


async def responses(script: tuple[str, ...], request: ResponderRequest) -> list[str]:
    engines = scripted_engines(responses=script)
    return ["".join([str(piece) async for piece in engines.responder.respond(request)]) for _ in range(3)]


async def test_lines_come_in_turn_and_begin_again() -> None:
    assert await responses(("one two", "three"), responder_request("hi")) == ["one two", "three", "one two"]


async def test_each_stream_has_a_detector_of_its_own() -> None:
    engines = scripted_engines()
    assert engines.new_detector() is not engines.new_detector()
    assert list(await engines.new_detector().detect(b"\0\x40" * 480)) == [1.0]


async def test_an_application_gets_the_engines_of_the_test() -> None:
    mine = scripted_engines()
    async with scripted_app_engines(mine)() as loaded:
        assert loaded is mine
    async with scripted_app_engines()() as loaded:
        assert loaded.responder.name == "scripted"


def test_every_check_of_an_engine_is_exported_like_the_check_of_a_transport() -> None:
    for name in (name for name in checks.__all__ if name.startswith("check_")):
        assert getattr(testing, name) is getattr(checks, name)
