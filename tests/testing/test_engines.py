from __future__ import annotations

from duologue import testing
from duologue.engines import checks
from duologue.testing import scripted_app_engines, scripted_engines


async def test_an_application_is_given_the_engines_of_the_test() -> None:
    mine = scripted_engines()
    async with scripted_app_engines(mine)() as loaded:
        assert loaded is mine
    async with scripted_app_engines()() as loaded:
        assert loaded.responder.name == "scripted"


def test_every_check_of_an_engine_is_exported_like_the_check_of_a_transport() -> None:
    for name in (name for name in checks.__all__ if name.startswith("check_")):
        assert getattr(testing, name) is getattr(checks, name)
