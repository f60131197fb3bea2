"""Measures advisories: taking feeds in, merging and scoring them, matching services, searching."""
