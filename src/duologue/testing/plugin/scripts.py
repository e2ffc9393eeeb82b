"""Fixtures: a server that plays a script."""

from __future__ import annotations
