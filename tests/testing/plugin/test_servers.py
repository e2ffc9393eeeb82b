"""The family servers of the plugin."""

from __future__ import annotations
