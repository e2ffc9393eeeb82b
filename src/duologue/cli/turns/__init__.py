"""The turns of a call, as the commands print them."""
