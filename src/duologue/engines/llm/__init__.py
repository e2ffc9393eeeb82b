"""Responders that ask a language model: over HTTP, or in this process."""
