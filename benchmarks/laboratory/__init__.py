"""Real servers from Debian packages, each in a room of its own, and what is true about them; start at main.py."""
