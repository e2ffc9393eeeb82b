"""`python -m duologue.deploy.ray`: see `duologue.deploy.ray.command`."""

from __future__ import annotations

import sys

from duologue.deploy.ray.command import main

if __name__ == "__main__":
    sys.exit(main())
