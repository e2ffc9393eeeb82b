"""Calls of a running server, seen in a browser of its machine while they go on."""
