"""Names under which Instructor's users import things; see docs/instructor.md."""
