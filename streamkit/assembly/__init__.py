"""Run time: tokens along a tree of nodes to typed values and changes."""
