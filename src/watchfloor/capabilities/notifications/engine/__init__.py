"""How notifications think: who is told, when, in which words. Pure."""
