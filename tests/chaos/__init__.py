"""Faults while jobs run: nothing is lost, nothing ends twice, everything ends soon."""
