"""The torture messages of RFC 4475, each sent to a real node."""
