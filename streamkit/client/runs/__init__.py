"""Runs: one request, its answer read as it arrives."""
