"""Functions that the client offers to the model, and the model's calls."""
