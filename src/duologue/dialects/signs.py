"""What gives a dialect away: fields, names and spellings that one vendor has and others have not."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["FRAME_SIGNS", "LIVE_SIGNS", "QUERY_SIGNS", "Sign"]


class Sign(Struct, frozen=True):
    """A path that is there, perhaps with a certain value, in a frame or among the parameters of a URL."""

    dialect: str
    weight: float
    """How sure this sign alone makes: 0.9 for what only they have, 0.3 for what they share with some."""
    reason: str
    path: str = "type"
    pattern: str | None = None
    """What the value must match."""
    kind: type | None = None
    """What the value must be."""
    of_type: str | None = None
    """What the event's name must match."""
    without: tuple[str, ...] = ()
    """Paths that must not be there."""


_SESSION: Final = r"session\.(created|updated|update)"
_RESPONSE: Final = r"response\.(create|created|done)"
_ERA: Final = r"response\.(text|audio|audio_transcript)\.(delta|done)"
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

FRAME_SIGNS: Final[tuple[Sign, ...]] = (
    # The eras: evidence for no particular vendor.
    Sign("openai", 0.6, "a session that names its kind", "session.type", r"realtime|transcription", of_type=_SESSION),
    Sign("openai", 0.3, "a nested session", "session.audio", kind=dict, of_type=_SESSION),
    Sign("openai", 0.5, "a GA name", pattern=r"response\.output_(text|audio|audio_transcript)\.(delta|done)"),
    Sign("openai", 0.5, "a GA name", pattern=r"conversation\.item\.(added|done)"),
    Sign("openai", 0.5, "modalities of the output", "response.output_modalities", of_type=_RESPONSE),
    Sign("openai-beta", 0.5, "a flat response", "response.modalities", of_type=_RESPONSE),
    Sign("openai-beta", 0.3, "an item that names its class", "item.object", r"realtime\.item"),
    Sign("openai-beta", 0.5, "a flat session", "session.modalities", of_type=_SESSION, without=("session.type",)),
    Sign("openai-beta", 0.3, "a format in a word", "session.input_audio_format", of_type=_SESSION),
    Sign("openai-beta", 0.5, "a beta name", pattern=_ERA),
    Sign("openai-beta", 0.5, "a beta name", pattern=r"conversation\.item\.created"),
    Sign("openai-beta", 0.5, "a beta session of transcription", pattern=r"transcription_session\.(created|update)"),
    Sign("openai-beta", 0.4, "a key inside the session", "session.client_secret", of_type=_SESSION),
    # Azure.
    Sign("azure-voice-live", 0.9, "a sampling rate of its own", "session.input_audio_sampling_rate"),
    Sign("azure-voice-live", 0.9, "an avatar", "session.avatar"),
    Sign("azure-voice-live", 0.9, "echo cancellation", "session.input_audio_echo_cancellation"),
    Sign("azure-voice-live", 0.8, "a voice with a type", "session.voice.type"),
    Sign("azure-voice-live", 0.8, "a voice with a type", "response.voice.type"),
    Sign("azure-voice-live", 0.9, "one of its events", pattern=r"session\.avatar\..*|response\.animation_.*|warning"),
    Sign("azure-voice-live", 0.6, "an id of 22 characters", "event_id", r"event_[A-Za-z0-9]{22}"),
    Sign(
        "azure-preview", 0.9, "a refusal of GA fields", "error.message", r"Unknown parameter: 'session\.(type|audio)'\."
    ),
    # xAI.
    Sign("xai", 0.9, "a ping with a time", "timestamp", of_type="ping"),
    Sign("xai", 0.9, "a model of theirs", "session.model", r"grok-.*"),
    Sign("xai", 0.6, "an id that is a UUID", "event_id", _UUID),
    Sign("xai", 0.9, "turn detection without a type", "session.turn_detection.type", of_type=_SESSION, kind=type(None)),
    Sign(
        "xai",
        0.8,
        "a predecessor where none belongs",
        "previous_item_id",
        of_type=r"(response|session|conversation)\.\w+",
    ),
    # Alibaba.
    Sign("qwen", 0.9, "a model of theirs", "session.model", r"(qwen|fun-audiochat).*"),
    Sign("qwen", 0.6, "formats in a word", "session.output_audio_format", r"pcm24|pcm", of_type=_SESSION),
    Sign("qwen", 0.9, "a rolling transcript", "stash"),
    Sign("qwen", 0.8, "one of its events", pattern=r"session\.finish(ed)?|input_image_buffer\.append"),
    # Zhipu, StepFun.
    Sign("glm", 0.9, "a time of the client", "client_timestamp"),
    Sign("glm", 0.95, "settings of its beta", "session.beta_fields"),
    Sign("glm", 0.9, "a model of theirs", "session.model", r"glm-.*"),
    Sign("glm", 0.9, "one of its events", pattern=r"heartbeat|input_audio_buffer\.append_video_frame"),
    Sign("glm", 0.7, "an id without an underscore", "event_id", r"event[0-9a-f]{32}"),
    Sign("stepfun", 0.9, "a model of theirs", "session.model", r"step-.*"),
    Sign("stepfun", 0.9, "tools of its own", "session.built_in_tools"),
    Sign("stepfun", 0.9, "a length in its words", "session.max_response_output_length"),
    # Gateways.
    Sign("inworld", 0.9, "data of the provider", "session.providerData"),
    Sign("inworld", 0.9, "data of the provider", "session.provider_data"),
    Sign("inworld", 0.8, "a model that speaks", "session.audio.output.model"),
    Sign("inworld", 0.4, "a ping", pattern="ping", without=("timestamp",)),
    Sign("yandex", 0.9, "a model of theirs", "session.model", r"gpt://.*"),
    Sign(
        "together",
        0.7,
        "a server's event from a client",
        of_type=r"transcription_session\.updated",
        without=("event_id",),
    ),
    Sign(
        "together",
        0.6,
        "a session that only transcribes",
        "session.modalities",
        of_type=r"session\.created",
        without=("event_id", "session.voice", "session.input_audio_format"),
    ),
    # Servers that anybody can run.
    Sign("vllm", 0.8, "a session without an object", "created", of_type=r"session\.created", without=("session",)),
    Sign("vllm", 0.8, "a session that is its id", "id", of_type=r"session\.created", without=("session",)),
    Sign("vllm", 0.9, "one of its events", pattern=r"transcription\.(delta|done)"),
    Sign("vllm", 0.8, "an error in a word", "error", kind=str, of_type="error"),
    Sign("vllm", 0.8, "settings without a session", "model", of_type=r"session\.update", without=("session",)),
    Sign("vllm-omni", 0.4, "a session without an object", "created", of_type=r"session\.created", without=("session",)),
    Sign("vllm-omni", 0.95, "audio in a field of its own", "audio", of_type=r"response\.(output_)?audio\.delta"),
    Sign("vllm-omni", 0.9, "a rate in each piece", "sample_rate_hz"),
    Sign("vllm-omni", 0.6, "a stream without ids", "delta", of_type=_ERA, without=("event_id", "item_id")),
    Sign("sglang", 0.95, "settings of its own", "session.sglang"),
    Sign("sglang", 0.8, "one of its events", pattern=r"session\.sglang\..*|transcription\.(segment|completed)"),
    Sign("speaches", 0.9, "a model that speaks", "session.speech_model"),
    Sign("speaches", 0.9, "a token of its own", "session.no_response_token"),
    Sign("speaches", 0.9, "one of its events", pattern=r"(partial|full)_message"),
    Sign("localai", 0.9, "one of its events", pattern=r"localai\..*|conversation\.item\.(speaker|sound_detection)"),
    Sign("localai", 0.95, "settings of its own", "session.localai_classifier"),
)

LIVE_SIGNS: Final[tuple[Sign, ...]] = (
    Sign("openai-live", 0.3, "a model of theirs", "session.model", r"gpt-live-.*"),
    Sign("kugel", 0.95, "settings of its own", "session.kugel"),
    Sign("kugel", 0.95, "one of its events", pattern=r"kugel\..*"),
    Sign("kugel", 0.9, "a model of theirs", "session.model", r"fluid-.*"),
    Sign("kugel", 0.9, "a code of its own", "code", r"kugel_.*", of_type="info"),
    Sign("qwen-audio-live", 0.9, "a model of theirs", "session.model", r"qwen.*"),
    Sign("qwen-audio-live", 0.9, "a promise of its own", "session.model_inference"),
    Sign("qwen-audio-live", 0.7, "a flat session", "session.modalities", of_type=_SESSION),
    Sign("qwen-audio-live", 0.7, "a greeting", pattern=r"session\.created"),
    Sign("qwen-audio-live", 0.7, "one of its events", pattern=r"session\.event|session\.item\.create"),
)
"""Of a connection that is known to be one of Live."""

QUERY_SIGNS: Final[tuple[Sign, ...]] = (
    Sign("openai", 0.5, "a model of theirs", "model", r"gpt-(realtime|audio).*"),
    Sign("openai", 0.4, "a call", "call_id"),
    Sign("openai", 0.3, "an intent", "intent", r"transcription"),
    Sign("openai-beta", 0.6, "a model of the beta", "model", r"gpt-4o(-mini)?-realtime-preview.*"),
    Sign("azure-preview", 0.5, "a deployment", "deployment"),
    Sign("azure-preview", 0.4, "a dated version", "api-version", r"202[45]-.*"),
    Sign("azure-voice-live", 0.5, "an agent", "agent-name"),
    Sign("xai", 0.8, "a model of theirs", "model", r"grok-.*"),
    Sign("qwen", 0.8, "a model of theirs", "model", r"(qwen.*-realtime|fun-audiochat).*"),
    Sign("glm", 0.8, "a model of theirs", "model", r"glm-.*"),
    Sign("stepfun", 0.8, "a model of theirs", "model", r"step-.*"),
    Sign("yandex", 0.8, "a model of theirs", "model", r"gpt://.*"),
    Sign("inworld", 0.6, "a protocol by name", "protocol", r"realtime"),
    Sign("together", 0.8, "a format with its rate", "input_audio_format", r"pcm_s16le_\d+"),
    Sign("vllm-omni", 0.8, "a choice of duplex", "duplex"),
    Sign("speaches", 0.8, "a transcription model", "transcription_model"),
)
