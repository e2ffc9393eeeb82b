"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes depends on the machine; timings live in bench/, and pytest-timeout ends what hangs.
settings.register_profile("duologue", deadline=None)
settings.load_profile("duologue")
