"""Recordings of the sessions of a server, a file each."""
