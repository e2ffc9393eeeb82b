"""Speech engines: the contracts, what finds them, and the ones that come with the package.

Contracts are in `base`, discovery in `registry`, checks for engines of your own in `checks`. No engine is imported
before it is asked for by name.
"""
