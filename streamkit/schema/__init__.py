"""pydantic types as trees of nodes (`compile`, `nodes`), and what builds values along them (`assemble`)."""
