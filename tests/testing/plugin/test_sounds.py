"""The family sounds of the plugin."""

from __future__ import annotations
