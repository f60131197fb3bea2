"""Assets and scope."""
