"""What notifications are asked for, and what their parts tell each other."""
