"""The reference of the Python API, made of the package's sources: signatures, docstrings, attributes."""
