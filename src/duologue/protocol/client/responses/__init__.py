"""Responses that the client asked for: which request each answers, and what is tried again."""
