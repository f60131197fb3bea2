"""The product's promises, each a test."""
