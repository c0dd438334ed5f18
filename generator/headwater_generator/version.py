"""The generator's version, as manifests record it. A test keeps it equal to the distribution's."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
