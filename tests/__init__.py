"""What the product promises, as facts."""
