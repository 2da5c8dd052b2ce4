"""The nodes of one deployment: who lives, by which address each is reached, and how one asks another for something."""
