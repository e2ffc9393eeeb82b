"""The pictures of docs/howto/telephone.md show what the bridge does now."""

from __future__ import annotations

from docs.phone_pictures import FOLDER, pictures


def test_the_pictures_of_calls_are_those_that_the_bridge_draws_now() -> None:
    drawn = pictures()
    kept = {name: (FOLDER / name).read_text(encoding="utf-8") for name in drawn}
    assert kept == drawn, "python docs/phone_pictures.py"
