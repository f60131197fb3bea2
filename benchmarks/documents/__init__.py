"""What a report as PDF costs, beside WeasyPrint on the same model."""
