"""Fixtures: what is kept of a test's calls."""

from __future__ import annotations
