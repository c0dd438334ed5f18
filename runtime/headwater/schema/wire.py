"""Texts that stand for other values on the wire, as JSON Schemas of a package describe them."""

__all__ = ["DECIMAL_PATTERN"]

DECIMAL_PATTERN = r"^[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?$"
