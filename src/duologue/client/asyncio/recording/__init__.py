"""Conversations that are recorded."""
