"""The rules, and how each is checked against a trace."""
