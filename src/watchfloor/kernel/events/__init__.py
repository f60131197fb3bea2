"""What happened, once, in the transaction that did it."""
