"""The version of this package, which the build reads without an import."""

__version__ = "0.1.0.dev0"
