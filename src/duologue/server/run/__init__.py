"""Runs the application: uvicorn, sockets, TLS."""
