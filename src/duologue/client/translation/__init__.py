"""The client of translation sessions, for asyncio; threads use the facade in `client.blocking`."""

from __future__ import annotations

from duologue.client.translation.client_secrets import translation_secret
from duologue.client.translation.playback import TranslationPlayback
from duologue.client.translation.session import SpeechTranslation
from duologue.client.translation.translate import translate

__all__ = ["SpeechTranslation", "TranslationPlayback", "translate", "translation_secret"]
