"""The profiles of Live: the hosted service, and the vendors that speak it too."""

from __future__ import annotations

from typing import Final

from duologue.dialects.live.profile import LiveProfile
from duologue.dialects.rules import Default, DialectRule, Lacks, Move
from duologue.dialects.wrapping import Format

__all__ = ["PROFILES"]

_PCM_IN: Final = (("pcm", {"type": "audio/pcm", "rate": 16000}),)

_QWEN_SESSION: Final[tuple[DialectRule, ...]] = (
    # Written last, so that only what has not found its flat place is left to be reported.
    Lacks("session", ("audio", "input", "triggers", "client", "safety_identifier", "store")),
    # Live has one format for both directions; theirs of the output is another, always the same, and stays in `extra`.
    Format("session", "input_audio_format", "audio.format", _PCM_IN),
    Move("session", "voice", "audio.output.voice"),
)
"""A session in the flat form of the early Realtime protocol."""

PROFILES: Final = (
    LiveProfile(
        name="openai-live",
        title="OpenAI Live",
        input_rates_hz=(24_000, 16_000, 8_000),
        output_rates_hz=(24_000, 16_000, 8_000),
        hosts=("api.openai.com",),
        auth=("bearer", "subprotocol"),
        notes="How long a session lasts is in its `expires_at`. That it takes keys as a sub-protocol is not proved.",
    ),
    LiveProfile(
        name="azure-live",
        title="Azure OpenAI Live (preview)",
        input_rates_hz=(24_000, 16_000, 8_000),
        output_rates_hz=(24_000, 16_000, 8_000),
        base_path="/openai/v1",
        echoes_ids=False,
        replaces_delegation=True,
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        path="/openai/v1/live/sessions",
        auth=("api-key", "bearer"),
        notes="Its models are deployments. Pages and measurements differ on whether answers echo ids.",
    ),
    LiveProfile(
        name="kugel",
        title="KugelAudio Fluid",
        input_rates_hz=(24_000, 16_000, 8_000),
        output_rates_hz=(24_000, 16_000, 8_000),
        session_minutes=60,
        max_event_id_chars=512,
        hosts=("kugelaudio.com",),
        auth=("bearer", "subprotocol"),
        drops_output=frozenset({"kugel.response.cancelled"}),
        notes=(
            "Known from its pages. With `session.kugel`, sound comes faster than it is played, and own events "
            "come too. One sideband at a time."
        ),
    ),
    LiveProfile(
        name="qwen-audio-live",
        title="Alibaba Qwen-Audio-Live",
        input_rates_hz=(16_000,),
        output_rates_hz=(24_000,),
        base_path="/api-ws/v1",
        endpoint="/realtime",
        names_model_in_url=True,
        # The update starts the session: it has the model and all settings, and audio follows its answer.
        names={"session.update": "session.start", "session.updated": "session.started"},
        rules={
            "session.start": _QWEN_SESSION,
            "session.started": (*_QWEN_SESSION, Default("session", "id", "")),
            "session.closed": (Default("", "reason", ""),),
        },
        lacks_events=frozenset(
            {
                "decision.create",
                "decision.item.create",
                "decision.item.delete",
                "session.output_audio.fixture.play",
                "transport.dtmf.send",
            }
        ),
        has_sidebands=False,
        has_forks=False,
        greeting="session.created",
        requires_event_ids=True,
        max_event_id_chars=128,
        hosts=("maas.aliyuncs.com",),
        notes=(
            "Known from its pages. Its `session.update` starts the session. The query names the service's model, the "
            "session the one that speaks. `session.created`, `session.event` and `session.item.create` are its own."
        ),
    ),
)
