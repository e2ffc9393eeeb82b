"""Recorded calls that are played as a server."""
