"""`Partial[Model]`: a model that is still arriving. The class, how it is dumped and read, what open values show."""

from streamkit.partial.model import Partial, PartialLiteralMixin, make_partial, partial_class, whole_class

__all__ = ["Partial", "PartialLiteralMixin", "make_partial", "partial_class", "whole_class"]
