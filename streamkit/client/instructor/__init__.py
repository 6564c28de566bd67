"""Instructor's API on a streamkit client."""
