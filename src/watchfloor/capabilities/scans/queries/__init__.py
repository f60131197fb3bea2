"""Read scans, and write down what they saw."""
