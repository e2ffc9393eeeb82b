"""Taps: what is told every message of a session, without a part in it."""
