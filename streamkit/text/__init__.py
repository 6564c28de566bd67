"""JSON text in, tokens out."""
