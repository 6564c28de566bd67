"""The algebra of changes: what a change is, folding, merging and comparing. Knows no schema."""
