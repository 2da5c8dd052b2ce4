"""Load on a node, here or elsewhere: who takes part, SIPp processes that play them, and what their messages tell."""
