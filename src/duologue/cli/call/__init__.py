"""A call from a terminal: audio in and out, and the loop between them."""
