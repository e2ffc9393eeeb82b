"""A call from the terminal: audio in, audio out, and the turns between."""
