"""Measurements of Watchfloor beside its peers, on one machine, in one run; start at jobs.py."""
