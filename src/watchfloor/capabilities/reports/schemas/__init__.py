"""What reports are asked for, what a snapshot holds, and what renderers are given."""
