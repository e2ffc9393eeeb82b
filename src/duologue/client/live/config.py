"""The configuration of a Live session, from what a program writes, checked before anything is sent.

A mapping is read as the wire's JSON would be: keys that the class lacks are kept in `extra` and sent, and the server
refuses those that it does not know. What no server takes is refused here, with a sentence that says what to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, TypeVar

from msgspec.structs import replace

from duologue.client.mappings import plain_copy, sentence_of
from duologue.errors import LocalProtocolError
from duologue.events import FunctionTool, RealtimeEvent, RealtimeSessionConfig, WireObject, is_set
from duologue.events.live import (
    LiveAudio,
    LiveBackendTool,
    LiveEvent,
    LiveFunctionTool,
    LivePcmAudioFormat,
    LiveResponsesBackend,
    LiveResponsesDelegation,
    LiveSessionConfig,
    LiveSessionStartEvent,
    LiveSessionUpdate,
    LiveSessionUpdateEvent,
    UnknownLiveEvent,
)
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = [
    "LiveEventInput",
    "LiveSessionInput",
    "LiveUpdateInput",
    "check_delegate",
    "fork_config",
    "start_config",
    "to_live_event",
    "to_live_update",
]

LiveSessionInput: TypeAlias = LiveSessionConfig | Mapping[str, Any]
"""The configuration of a Live session, or a mapping of it."""
LiveUpdateInput: TypeAlias = LiveSessionUpdate | Mapping[str, Any]
"""A change of a Live session, or a mapping of it."""
LiveEventInput: TypeAlias = LiveEvent | Mapping[str, Any]
"""A command of Live, or a mapping with its `type`."""

C = TypeVar("C", bound=WireObject)

_MAX_INPUT: Final = 128
"""Earlier messages that a session may begin with."""

_PCM_RATES_HZ: Final = (16_000, 24_000)
_G711_RATE_HZ: Final = 8_000

_ELSEWHERE: Final[Mapping[str, str]] = {
    "input_audio_format": "both directions have one format, in audio.format",
    "input_audio_transcription": "Live transcribes always",
    "max_output_tokens": "it is a setting of delegation.responses",
    "modalities": "Live sends speech and its transcript always",
    "output_audio_format": "both directions have one format, in audio.format",
    "output_modalities": "Live sends speech and its transcript always",
    "temperature": "Live has no such setting",
    "tool_choice": "it is a setting of delegation.responses",
    "tools": 'the voice model has none; pass tools= with delegation={"type": "responses", "responses": {"model": …}}',
    "turn_detection": "Live has no turns: the model hears and speaks at once",
    "voice": "it is audio.output.voice",
}
"""Keys of Realtime's sessions, and where Live has what they mean."""

_WEBRTC_ONLY: Final = ("idle_timeout_s", "wake_policy")

_FORK_FIELDS: Final = frozenset({"audio", "client", "delegation", "store", "extra"})
"""What the session of a fork may name; it inherits the rest."""


def start_config(
    session: LiveSessionInput | None, *, model: str | None, toolbox: Toolbox, is_flat: bool = False
) -> LiveSessionConfig:
    """What `session.start` asks for: the session with its model, and with the functions of the toolbox.

    `is_flat`: the vendor's sessions have keys of Realtime.

    Raises:
        TypeError: it is neither a configuration nor a mapping, or one of Realtime.
        LocalProtocolError: it names no model, or what no server takes; the message says what to write.
        ValueError: two models are named, or a function is offered twice.
    """
    config = _session(session, is_flat=is_flat)
    if model is not None and is_set(config.model) and config.model != model:
        raise ValueError(f"model= is {model!r}, and the session names {config.model!r}: leave one of them out")
    if model is not None:
        config = replace(config, model=model)
    if not is_set(config.model) or not config.model:
        raise LocalProtocolError('model: a Live session names its model, such as model="gpt-live-1"')
    if is_set(config.input) and len(config.input) > _MAX_INPUT:
        raise LocalProtocolError(
            f"input: a session begins with {_MAX_INPUT} earlier messages at most, not {len(config.input)}"
        )
    return _checked(config, toolbox, needs_model=True)


def fork_config(session: LiveSessionInput | None, *, toolbox: Toolbox) -> LiveSessionConfig:
    """What a fork asks for; it inherits all that is absent. Raises as `start_config` does."""
    config = _session(session, is_flat=False)
    named = [name for name in config.__struct_fields__ if name not in _FORK_FIELDS and is_set(getattr(config, name))]
    if named:
        raise LocalProtocolError(
            f"{named[0]}: a fork inherits it; only audio.format, client, delegation and store may be named"
        )
    if is_set(config.audio) and is_set(config.audio.output):
        raise LocalProtocolError("audio.output: a fork inherits the voice; only audio.format may be named")
    if is_set(config.delegation) and not isinstance(config.delegation, LiveResponsesDelegation):
        raise LocalProtocolError("delegation: a fork may only change the settings of a delegation of type responses")
    if len(toolbox) and not is_set(config.delegation):
        config = replace(config, delegation=LiveResponsesDelegation())
    return _checked(config, toolbox, needs_model=False)


def check_delegate(delegate: object, config: LiveSessionConfig) -> None:
    """Check that work is handed to the application, if it has a function that takes work.

    Raises:
        LocalProtocolError: the session delegates to a Responses model.
    """
    if delegate is not None and isinstance(config.delegation, LiveResponsesDelegation):
        raise LocalProtocolError(
            "on_delegation= takes work that is handed to this program, and this session hands it to a Responses model:"
            " leave one of them out"
        )


def to_live_update(update: LiveUpdateInput) -> LiveSessionUpdate:
    """The change that a mapping describes.

    Raises:
        TypeError: it is neither a change nor a mapping.
        LocalProtocolError: a setting has a value that it does not allow.
    """
    if isinstance(update, LiveSessionUpdate):
        return update
    event = _read({"type": LiveSessionUpdateEvent.type, "session": _mapping(update, "a change of a session")})
    assert isinstance(event, LiveSessionUpdateEvent)
    return event.session


def to_live_event(event: LiveEventInput) -> LiveEvent:
    """The command that a mapping describes. One of an unknown type is sent as it is.

    Raises:
        TypeError: it is neither an event nor a mapping, or an event of Realtime.
        LocalProtocolError: it has no `type`, or a field that its type does not allow.
    """
    if isinstance(event, LiveEvent):
        return event
    frame = _mapping(event, "an event")
    if not isinstance(frame.get("type"), str):
        raise LocalProtocolError('type: an event needs one, such as "session.commentary.append"')
    return _read(frame)


def _session(session: LiveSessionInput | None, *, is_flat: bool) -> LiveSessionConfig:
    if session is None:
        return LiveSessionConfig()
    if isinstance(session, LiveSessionConfig):
        config = session
    else:
        if isinstance(session, RealtimeSessionConfig):
            raise TypeError("this is a session of Realtime: a Live session is a LiveSessionConfig, or a mapping of it")
        frame = _mapping(session, "a session")
        event = _read({"type": LiveSessionStartEvent.type, "session": frame})
        assert isinstance(event, LiveSessionStartEvent)
        config = event.session
    for name in config.extra:
        if name in _WEBRTC_ONLY:
            raise LocalProtocolError(f"{name}: only sessions over WebRTC pause, and this one is over a WebSocket")
        if name in _ELSEWHERE and not is_flat:
            raise LocalProtocolError(f"{name}: this is a setting of Realtime; {_ELSEWHERE[name]}")
    if config.extra.get("type") in ("realtime", "transcription"):
        raise LocalProtocolError('type: this is a session of Realtime; a Live session has no "type"')
    return config


def _checked(config: LiveSessionConfig, toolbox: Toolbox, *, needs_model: bool) -> LiveSessionConfig:
    if is_set(config.audio):
        _check_format(config.audio)
    delegation = config.delegation
    if len(toolbox):
        if not isinstance(delegation, LiveResponsesDelegation):
            raise LocalProtocolError(
                "tools= run for a Responses model that the server delegates to: name it with"
                ' session={"delegation": {"type": "responses", "responses": {"model": …}}}'
            )
        delegation = _with_tools(delegation, toolbox)
        config = replace(config, delegation=delegation)
    if needs_model and isinstance(delegation, LiveResponsesDelegation):
        backend = delegation.responses
        if not is_set(backend) or not is_set(backend.model):
            raise LocalProtocolError(
                "delegation.responses.model: it is missing: the Responses model that does the work"
            )
    return config


def _check_format(audio: LiveAudio) -> None:
    wire = audio.format
    rate_hz = getattr(wire, "rate", None)
    if not isinstance(rate_hz, int):
        return
    allowed = _PCM_RATES_HZ if isinstance(wire, LivePcmAudioFormat) else (_G711_RATE_HZ,)
    if rate_hz not in allowed:
        raise LocalProtocolError(
            f"audio.format.rate: {getattr(wire, 'type', 'this format')} has {' or '.join(map(str, allowed))} Hz, not"
            f" {rate_hz}; send_audio converts from any rate"
        )


def _with_tools(delegation: LiveResponsesDelegation, toolbox: Toolbox) -> LiveResponsesDelegation:
    backend = delegation.responses if is_set(delegation.responses) else LiveResponsesBackend()
    own = list(backend.tools) if is_set(backend.tools) else []
    for tool in own:
        if isinstance(tool, LiveFunctionTool) and tool.name in toolbox:
            raise ValueError(f"{tool.name!r} is among the delegation's tools and in tools=: leave one of them out")
    return replace(delegation, responses=replace(backend, tools=[*own, *map(_live_tool, toolbox.offered)]))


def _live_tool(tool: Any) -> LiveBackendTool:
    if isinstance(tool, FunctionTool):
        return LiveFunctionTool(name=str(tool.name), description=tool.description, parameters=tool.parameters)
    event = _read({"type": LiveSessionUpdateEvent.type, "session": {"delegation": _responses_with(tool)}})
    assert isinstance(event, LiveSessionUpdateEvent)
    delegation = event.session.delegation
    assert isinstance(delegation, LiveResponsesDelegation)
    assert is_set(delegation.responses)
    assert is_set(delegation.responses.tools)
    return delegation.responses.tools[0]


def _responses_with(tool: Any) -> dict[str, Any]:
    return {"type": "responses", "responses": {"tools": [plain_copy(tool)]}}


def _mapping(value: object, what: str) -> dict[str, Any]:
    if isinstance(value, RealtimeEvent):
        raise TypeError(f"{what} of Live is needed, and this is a {type(value).__name__} of Realtime")
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is a struct of duologue.events.live or a mapping, not {type(value).__name__}")
    return dict(value)


def _read(frame: dict[str, Any]) -> LiveEvent:
    plain: dict[str, Any] = plain_copy(frame)
    event = LiveEvent.from_json(plain)
    if isinstance(event, UnknownLiveEvent) and _is_known(plain["type"]):
        raise LocalProtocolError(sentence_of(event.problem, plain))
    return event


def _is_known(name: str) -> bool:
    from duologue.codec.live import LIVE_CLASSES

    return name in LIVE_CLASSES
