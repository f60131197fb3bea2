"""What the product does; one folder each, none importing another."""
