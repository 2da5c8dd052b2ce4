"""The attendant's console, and the HTTP API under it. No SIP here: nodes are asked by way of the state store."""
