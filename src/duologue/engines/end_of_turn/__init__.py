"""Detectors of the end of a turn, from words and prosody."""
