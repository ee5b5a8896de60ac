"""The version of this package. The build reads it from here; asking for the installed one would cost 20 ms a start."""

__version__ = "0.1.0"
