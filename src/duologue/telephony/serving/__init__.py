"""Telephone calls of `duologue serve`: who may call, what answers a number, and a call's session in this process."""
