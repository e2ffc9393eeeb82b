"""Functions that the client offers, and the calls of them."""
