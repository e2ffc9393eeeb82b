"""The client of Live sessions."""
