"""The family scripts of the plugin."""

from __future__ import annotations
