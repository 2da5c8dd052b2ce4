"""Who sends too much, and who tries without authority: what is counted of a source, and what follows from it."""
