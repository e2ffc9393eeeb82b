"""Engines behind a URL: speech recognition and synthesis of the OpenAI kind, and the HTTP of all such engines."""
