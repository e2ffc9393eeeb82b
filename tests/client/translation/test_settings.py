"""What an application writes, as the configuration of a session."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.client.translation.settings import translation_config
from duologue.errors import LocalProtocolError
from duologue.events import TranslationSessionUpdate, TranslationSessionUpdateEvent


def told(**settings: Any) -> Any:
    """The configuration as JSON."""
    config = translation_config(**settings)
    return None if config is None else TranslationSessionUpdateEvent(session=config).to_json()["session"]


@pytest.mark.parametrize(
    ("settings", "session"),
    [
        ({}, None),
        ({"language": "es"}, {"audio": {"output": {"language": "es"}}}),
        ({"transcription": None}, {"audio": {"input": {"transcription": None}}}),
        ({"transcription": "w"}, {"audio": {"input": {"transcription": {"model": "w"}}}}),
        ({"noise_reduction": "far_field"}, {"audio": {"input": {"noise_reduction": {"type": "far_field"}}}}),
        ({"session": {"audio": {"output": {"language": "fr"}}}}, {"audio": {"output": {"language": "fr"}}}),
        ({"session": {"future": 1}}, {"future": 1}),
        ({"session": TranslationSessionUpdate()}, {}),
    ],
)
def test_settings_become_the_configuration_that_is_sent(settings: dict[str, Any], session: Any) -> None:
    assert told(**settings) == session


@pytest.mark.parametrize(
    "session", [{"audio": 1}, {"audio": {"output": {"language": 1}}}, {"audio": {"input": {"transcription": {}}}}]
)
def test_what_does_not_fit_is_a_local_error_that_says_where(session: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError, match=r"session\.audio"):
        translation_config(session)


def test_words_are_no_configuration() -> None:
    with pytest.raises(TypeError, match="a session is a mapping"):
        translation_config("es")  # type: ignore[arg-type]
