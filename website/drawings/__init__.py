"""Pictures that are drawn from the code's own tables, each in a light and a dark version, while the site is made."""
