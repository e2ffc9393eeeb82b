"""The profiles of Live: the hosted service, and the vendors that speak it too."""

from __future__ import annotations

from typing import Final

from duologue.dialects.live.profile import LiveProfile

__all__ = ["PROFILES"]

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
        notes="Known from its pages. `session.kugel` is its own; one sideband at a time.",
    ),
    LiveProfile(
        name="qwen-audio-live",
        title="Alibaba Qwen-Audio-Live",
        input_rates_hz=(16_000,),
        output_rates_hz=(24_000,),
        base_path="/api-ws/v1",
        endpoint="/realtime",
        names_model_in_url=True,
        has_sidebands=False,
        has_forks=False,
        greeting="session.created",
        requires_event_ids=True,
        max_event_id_chars=128,
        hosts=("maas.aliyuncs.com",),
        notes="Known from its pages. The query names the service's model, the session the one that speaks.",
    ),
)
