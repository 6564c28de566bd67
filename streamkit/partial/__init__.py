"""`Partial[Model]`: a model that is still arriving. See `model` for the class, `dump` and `read` for how it is written and validated."""

from streamkit.partial.model import Partial, PartialLiteralMixin, make_partial, partial_class, whole_class

__all__ = ["Partial", "PartialLiteralMixin", "make_partial", "partial_class", "whole_class"]
