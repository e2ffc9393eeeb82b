"""Makes the site of the docs: `python -m website` reads docs/ and writes build/site/."""
