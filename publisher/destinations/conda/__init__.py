"""Conda packages: a handler that takes uploads, and the channel whose index says what is there."""
