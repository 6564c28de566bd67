"""`Partial` and `PartialLiteralMixin`, under Instructor's path: only the package's name changes in an import."""

from streamkit.partial import Partial, PartialLiteralMixin

__all__ = ["Partial", "PartialLiteralMixin"]
