"""The settings of a session without others, and its limits."""

from __future__ import annotations

from typing import Final

import msgspec

from duologue.protocol import SessionDefaults

MI: Final = 1024 * 1024


def test_the_defaults_are_those_of_the_hosted_service_and_the_limits_allow_an_hour_of_talk() -> None:
    assert msgspec.structs.asdict(SessionDefaults()) == {
        "model": "duologue", "voice": "alloy", "instructions": "", "lenient": False,
        "silence_duration_ms": 500, "duration_s": 3600, "tokens_per_minute": None,
        "input_rates_hz": (24_000,), "output_rates_hz": (24_000,),
        "max_context_tokens": 28_672, "max_items": 2_000, "max_responses": 16,
        "max_event_bytes": 4 * MI, "max_event_values": 5_000, "max_event_objects": 500,
        "max_item_bytes": 4 * MI, "max_conversation_bytes": 32 * MI, "max_configuration_bytes": 4 * MI,
        "max_session_bytes": 128 * MI, "max_audio_bytes": 16 * MI,
    }  # fmt: skip
