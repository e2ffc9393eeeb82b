"""Every option comes from an argument, the environment or a file, in this order of precedence."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest
from cyclopts import App

from duologue.cli.errors import UsageError
from duologue.cli.serving.option_sources import NEVER_ARGUMENTS, read_sources, variable_of
from duologue.cli.serving.options import ServeOptions


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in fields(ServeOptions):
        monkeypatch.delenv(variable_of(field.name), raising=False)


def read(*arguments: str) -> ServeOptions:
    found: list[ServeOptions] = []

    def take(*, options: ServeOptions = ServeOptions()) -> None:  # noqa: B008 - as the command has it
        found.append(options)

    app = App(name="duologue")
    app.command(take, name="serve", config=read_sources)
    app(["serve", *arguments], exit_on_error=False, print_error=False, result_action="return_value")
    return found[0]


def write(folder: Path, text: str, name: str = "duologue.toml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_arguments_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path, '[serve]\nhost = "file"\nport = 1\nvoice = "file"\nmodel = ["f1", "f2"]\n')
    monkeypatch.setenv("DUOLOGUE_PORT", "2")
    monkeypatch.setenv("DUOLOGUE_VOICE", "environment")
    options = read("--config", config, "--voice", "argument")
    assert (options.host, options.port, options.voice, options.model) == ("file", 2, "argument", ("f1", "f2"))
    assert read("--config", config, "--model", "a").model == ("a",), "a list is replaced, not added to"


def test_the_file_itself_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_CONFIG", write(tmp_path, "[serve]\nport = 7\n"))
    assert read().port == 7
    assert read("--config", write(tmp_path, "[serve]\nport = 8\n", "other.toml")).port == 8


_EXAMPLES = {
    "str": "x",
    "int": "3",
    "bool": "true",
    "Path": "x",
    "LogLevel": "debug",
    "LogFormat": "json",
    "DrainManner": "end",
}


def example(annotation: str) -> str:
    """A value of an option's type."""
    inner = annotation.removeprefix("Annotated[").split(",")[0]
    return next(value for kind, value in _EXAMPLES.items() if kind in inner)


@pytest.mark.parametrize("name", [field.name for field in fields(ServeOptions) if field.name != "config"])
def test_every_option_is_a_variable_and_a_key_of_the_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard = getattr(ServeOptions(), name)
    value = "false" if standard is True else example(inspect.get_annotations(ServeOptions)[name])
    monkeypatch.setenv(variable_of(name), value)
    by_environment = getattr(read(), name)
    monkeypatch.delenv(variable_of(name))
    toml = value if value in ("3", "true", "false") else f'"{value}"'
    by_file = getattr(read("--config", write(tmp_path, f"[serve]\n{name.replace('_', '-')} = {toml}\n")), name)
    assert by_environment != standard
    assert by_file == (tmp_path / "x" if isinstance(by_environment, Path) else by_environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("false", False), ("no", False), ("0", False), ("true", True), ("yes", True), ("1", True)],
)
def test_flags_are_words(text: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_LENIENT", text)
    assert read().lenient is expected


def test_several_values_stand_between_commas_or_on_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_API_KEY", " a, b,,")
    monkeypatch.setenv("DUOLOGUE_LIMIT", "sessions=5\nidle_s=9\n")
    monkeypatch.setenv("DUOLOGUE_ENGINE_OPTION", 'synthesizer.parameters={"a":1,"b":2}; transcriber.language=de')
    options = read()
    assert options.api_key == ("a", "b")
    assert options.limit == ("sessions=5", "idle_s=9")
    assert options.engine_option == ('synthesizer.parameters={"a":1,"b":2}', "transcriber.language=de")


def test_pairs_are_tables_of_the_file(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        """
        [serve]
        api_key = "sk-1"
        limit = { sessions = 5, idle_s = 9.5 }
        [serve.engine-option]
        transcriber = { language = "de", stream = false }
        synthesizer = { parameters = { speed = 2 }, voices = ["a", "b"] }
        """,
    )
    options = read("--config", config)
    assert options.api_key == ("sk-1",)
    assert options.limit == ("sessions=5", "idle_s=9.5")
    assert options.engine_option == (
        "transcriber.language=de",
        "transcriber.stream=false",
        'synthesizer.parameters={"speed":2}',
        'synthesizer.voices=["a","b"]',
    )


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_API_KEY", "")
    monkeypatch.setenv("DUOLOGUE_PORT", " ")
    assert read() == ServeOptions()


def test_the_address_that_kubernetes_sets_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_PORT", "tcp://10.0.0.1:8000")
    assert read().port == ServeOptions().port


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[serve]\nprot = 1\n", "serve.prot: there is no such option; do you mean port?"),
        ("[serve]\nconfig = 'x'\n", "serve.config: there is no such option"),
        ("[serve]\nport = [1]\n", "serve.port: one value is expected, not a list"),
        ("[serve]\nport = 2026-01-01\n", "serve.port: a text, a number, true or false is expected"),
        ("[serve]\n'a\\u001bb' = 1\n", "there is no such option"),
        ("port = 1\n", "port: options stand in the table [serve]"),
        ("serve = 1\n", "serve: options stand in the table [serve]"),
        ("[serve\n", "Expected ']'"),
        ("[serve]\nlimit = { sessions = {} }\n", "serve.limit.sessions: a text, a number"),
        ("[serve.engine-option]\nlanguage = 1\n", "serve.engine-option.language: a table of the engine's options"),
        ("x = " + "[" * 5_000, ""),
        ("#" * 2_000_000, "is too long to be a file of options"),
    ],
)
def test_an_error_names_the_file_and_the_key(text: str, reason: str, tmp_path: Path) -> None:
    config = write(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        read("--config", config)
    assert config in str(refused.value)
    assert reason in str(refused.value).replace('"', "")  # versions of cyclopts differ in their quotation marks
    assert "\x1b" not in str(refused.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--config: cannot read .*: No such file"):
        read("--config", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("variables", "config", "reason"),
    [
        ({"DUOLOGUE_PORT": "many"}, "", "DUOLOGUE_PORT from the environment"),
        ({}, "[serve]\nport = 'many'\n", "serve.port from "),
    ],
)
def test_a_wrong_value_names_where_it_comes_from(
    variables: dict[str, str], config: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match="Invalid value") as refused:
        read(*(("--config", write(tmp_path, config)) if config else ()))
    assert reason in str(refused.value).replace('"', "")  # versions of cyclopts differ in their quotation marks


def test_a_misspelt_variable_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DUOLOGUE_API_KEYS", "a")
    monkeypatch.setenv("DUOLOGUE_PORT_8000_TCP_ADDR", "10.0.0.1")
    assert read() == ServeOptions()
    assert capsys.readouterr().err == "duologue: DUOLOGUE_API_KEYS is no option; do you mean DUOLOGUE_API_KEY?\n"


@pytest.mark.parametrize(
    "arguments",
    [
        *(("--" + name.replace("_", "-"), "sk-do-not-tell") for name in sorted(NEVER_ARGUMENTS)),
        ("--engine-option", "responder.api_key=sk-do-not-tell"),
        ("--engine-option", "transcriber.auth_token=sk-do-not-tell"),
    ],
)
def test_a_secret_is_refused_among_the_arguments_and_not_repeated(arguments: Sequence[str]) -> None:
    with pytest.raises(UsageError, match="every user of this machine could read") as refused:
        read(*arguments)
    assert "sk-do-not-tell" not in str(refused.value)


def test_a_secret_is_taken_from_the_environment_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_TRANSCRIBER_KEY", "a")
    config = write(tmp_path, "[serve]\nsynthesizer-key = 'b'\nengine-option = { responder = { api_key = 'c' } }\n")
    options = read("--config", config)
    assert (options.transcriber_key, options.synthesizer_key) == ("a", "b")
    assert options.engine_option == ("responder.api_key=c",)
