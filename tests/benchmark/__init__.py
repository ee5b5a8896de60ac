"""How fast publishing is, compared with what people write without it: `python -m tests.benchmark`."""
