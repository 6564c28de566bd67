"""When to ask again, and with which words."""
