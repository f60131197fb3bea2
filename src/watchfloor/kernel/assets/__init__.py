"""What we know exists, and what may be looked at."""
