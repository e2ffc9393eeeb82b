"""The server as an application of Ray Serve, and speech engines as deployments that serve all its replicas.

For those who run Ray already, and for graphics cards that many session processes share. Needs `ray[serve]` 2.55 or
newer, which no extra brings. `python -m duologue.deploy.ray --replicas 2` is the shortest way to try it.
"""

from duologue.deploy.ray.application import application, speech_application
from duologue.deploy.ray.environment import check_environment
from duologue.deploy.ray.speech_tier import RaySynthesizer, RayTranscriber, SpeechTier

__all__ = [
    "RaySynthesizer",
    "RayTranscriber",
    "SpeechTier",
    "application",
    "check_environment",
    "speech_application",
]
