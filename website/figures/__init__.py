"""The figures that pages publish: one file has them, the pages quote it, and the page of figures is drawn from it."""
