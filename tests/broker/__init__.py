"""Tests of the broker: tickets, the worker's gate, publishing, results."""
