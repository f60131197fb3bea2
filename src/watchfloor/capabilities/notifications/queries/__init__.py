"""The data of notifications: what happened, who is told, and every attempt to tell them."""
