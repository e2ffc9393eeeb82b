"""Which engines the options of `duologue serve` choose, and with which options of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args
from urllib.parse import urlsplit

from duologue.cli.errors import UsageError, check_exists
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.secret_files import key_of
from duologue.engines.registry import DEFAULTS, Kind, OptionText
from duologue.transports.addresses import without_secrets

__all__ = ["EngineSettings", "chosen_engines"]

EngineSettings = Mapping[Kind, Mapping[str, object]]
"""By kind: keywords of the engine's constructor."""

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


def chosen_engines(options: ServeOptions) -> tuple[Mapping[Kind, str], EngineSettings]:
    """Names and options of the chosen engines. Raises UsageError for options that contradict each other."""
    chosen: dict[Kind, str | None] = {
        "detector": options.detector,
        "transcriber": options.transcriber,
        "responder": options.responder,
        "synthesizer": options.synthesizer,
        "translator": options.translator,
    }
    settings: dict[Kind, dict[str, object]] = {}
    _choose_responder(options, chosen, settings)
    _choose_transcriber(options, chosen, settings)
    _choose_synthesizer(options, chosen, settings)
    names: dict[Kind, str] = {kind: name for kind, name in chosen.items() if name is not None}
    for text in options.engine_option:
        kind, name, value = _engine_option(text)
        if kind not in {**DEFAULTS, **names}:
            raise UsageError(f"--engine-option {kind}.{name}: no {kind} is loaded")
        settings.setdefault(kind, {})[name] = OptionText(value)
    return names, settings


def _choose_responder(
    options: ServeOptions, chosen: dict[Kind, str | None], settings: dict[Kind, dict[str, object]]
) -> None:
    if options.llm is not None and options.llm_file is not None:
        raise UsageError("--llm and --llm-file exclude each other: choose one")
    if options.llm is None and (options.llm_model is not None or options.llm_key_file is not None):
        raise UsageError("--llm-model, --llm-key and --llm-key-file belong to --llm URL")
    if (options.llm or options.llm_file) is not None and options.responder is not None:
        raise UsageError("--llm and --llm-file choose the responder: omit --responder")
    if options.llm is not None:
        if options.llm_model is None:
            raise UsageError("--llm needs --llm-model, the name of the model")
        _check_address("--llm", options.llm)
        key = key_of(options.llm_key, options.llm_key_file, option="--llm-key")
        chosen["responder"] = "chat"
        settings["responder"] = {"url": options.llm, "model": options.llm_model, "api_key": key}
        if options.translator in (None, "chat"):
            chosen["translator"], settings["translator"] = "chat", dict(settings["responder"])
    elif options.llm_file is not None:
        check_exists(options.llm_file)
        chosen["responder"] = "llm"
        settings["responder"] = {"file": options.llm_file}


def _choose_transcriber(
    options: ServeOptions, chosen: dict[Kind, str | None], settings: dict[Kind, dict[str, object]]
) -> None:
    others = (options.transcriber_model, options.transcriber_key_file)
    if _is_remote("transcriber", options.transcriber, options.transcriber_url, *others):
        key = key_of(options.transcriber_key, options.transcriber_key_file, option="--transcriber-key")
        chosen["transcriber"] = "remote"
        settings["transcriber"] = {"url": options.transcriber_url, "model": options.transcriber_model, "api_key": key}


def _choose_synthesizer(
    options: ServeOptions, chosen: dict[Kind, str | None], settings: dict[Kind, dict[str, object]]
) -> None:
    others = (options.synthesizer_model, options.synthesizer_voice, options.synthesizer_key_file)
    if _is_remote("synthesizer", options.synthesizer, options.synthesizer_url, *others):
        key = key_of(options.synthesizer_key, options.synthesizer_key_file, option="--synthesizer-key")
        chosen["synthesizer"] = "remote"
        settings["synthesizer"] = {
            "url": options.synthesizer_url,
            "model": options.synthesizer_model,
            "voice": options.synthesizer_voice,
            "api_key": key,
        }


def _is_remote(kind: Kind, name: str | None, url: str | None, *others: object) -> bool:
    """Whether this kind of engine is one behind a URL. Raises UsageError for options that contradict each other.

    A key alone is no contradiction: it may be in the environment of a machine for all its servers.
    """
    if url is None:
        if name == "remote":
            raise UsageError(f"--{kind} remote needs --{kind}-url, where the service is")
        if any(other is not None for other in others):
            raise UsageError(f"options that begin with --{kind}- belong to --{kind}-url URL")
        return False
    if name not in (None, "remote"):
        raise UsageError(f"--{kind}-url chooses the {kind}: omit --{kind}")
    _check_address(f"--{kind}-url", url)
    return True


def _check_address(option: str, url: str) -> None:
    """Raises UsageError where the engine would not take the URL: its own sentence cannot name the option."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(f"{option} {without_secrets(url)!r} is no address: it looks like http://host:port/v1")


def _engine_option(text: str) -> tuple[Kind, str, str]:
    """Kind, name and value. Raises UsageError."""
    where, equals, value = text.partition("=")
    kind, _, name = where.strip().partition(".")
    if not equals or not name.isidentifier():
        raise UsageError(f"--engine-option {where}: write KIND.NAME=VALUE, such as transcriber.language=de")
    for known in _KINDS:
        if known == kind:
            return known, name, value.strip()
    raise UsageError(f"--engine-option {where}: there is no kind {kind!r}; known are {', '.join(_KINDS)}")
