"""Options choose engines, and contradictions are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.engine_choice import chosen_engines
from duologue.cli.serving.options import ServeOptions


def test_a_chat_endpoint_answers_and_translates_unless_a_translator_is_named() -> None:
    names, settings = chosen_engines(ServeOptions(llm="http://h/v1", llm_model="m", llm_key="k"))
    assert (names["responder"], names["translator"]) == ("chat", "chat")
    assert settings["translator"] == {"url": "http://h/v1", "model": "m", "api_key": "k"}
    names, settings = chosen_engines(ServeOptions(llm="http://h/v1", llm_model="m", translator="echo"))
    assert (names["translator"], "translator" in settings) == ("echo", False)
    assert chosen_engines(ServeOptions()) == ({}, {})


def test_urls_choose_engines_behind_them(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k\n", encoding="utf-8")
    names, settings = chosen_engines(
        ServeOptions(
            transcriber_url="http://ears/v1",
            transcriber_model="m",
            transcriber_key_file=key,
            synthesizer="remote",
            synthesizer_url="http://mouth/v1",
            synthesizer_voice="v",
            synthesizer_key="s",
        )
    )
    assert names == {"transcriber": "remote", "synthesizer": "remote"}
    assert settings == {
        "transcriber": {"url": "http://ears/v1", "model": "m", "api_key": "k"},
        "synthesizer": {"url": "http://mouth/v1", "model": None, "voice": "v", "api_key": "s"},
    }


def test_a_key_of_the_environment_without_its_url_changes_nothing() -> None:
    assert chosen_engines(ServeOptions(transcriber_key="k", synthesizer_key="k", llm_key="k")) == ({}, {})


def test_options_of_engines_go_to_their_kind_and_before_what_other_options_say() -> None:
    _, settings = chosen_engines(
        ServeOptions(
            transcriber_url="http://ears/v1",
            engine_option=("transcriber.language=de", "detector.frame_ms = 30", "transcriber.model=a=b"),
        )
    )
    assert settings["transcriber"] == {"url": "http://ears/v1", "model": "a=b", "api_key": None, "language": "de"}
    assert settings["detector"] == {"frame_ms": "30"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"llm": "http://h/v1", "llm_file": Path("m.gguf")}, "--llm and --llm-file exclude each other"),
        ({"llm_model": "m"}, "--llm-model, --llm-key and --llm-key-file belong to --llm URL"),
        ({"llm": "http://h/v1"}, "--llm needs --llm-model"),
        ({"llm": "http://h/v1", "responder": "x"}, "omit --responder"),
        ({"transcriber_url": "gpu-1:8000"}, "--transcriber-url 'gpu-1:8000' is no address: it looks like http"),
        ({"synthesizer_url": "http://[::1"}, "--synthesizer-url 'the given address' is no address"),
        ({"llm": "localhost/v1", "llm_model": "m"}, "--llm 'localhost/v1' is no address: it looks like http"),
        ({"transcriber": "remote"}, "--transcriber remote needs --transcriber-url"),
        ({"synthesizer_model": "m"}, "options that begin with --synthesizer- belong to --synthesizer-url URL"),
        ({"transcriber_key_file": Path("k")}, "options that begin with --transcriber- belong to --transcriber-url URL"),
        (
            {"transcriber_url": "http://h", "transcriber": "moonshine"},
            "--transcriber-url chooses the transcriber: omit",
        ),
        ({"engine_option": ("language=de",)}, "--engine-option language: write KIND.NAME=VALUE"),
        ({"engine_option": ("transcriber.language",)}, "--engine-option transcriber.language: write KIND.NAME=VALUE"),
        ({"engine_option": ("ear.language=de",)}, "there is no kind 'ear'; known are detector, transcriber"),
        ({"engine_option": ("denoiser.x=1",)}, "--engine-option denoiser.x: no denoiser is loaded"),
    ],
)
def test_contradictions_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen_engines(ServeOptions(**options))
    assert reason in str(refused.value)
