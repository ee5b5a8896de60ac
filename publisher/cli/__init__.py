"""The command line: argv to typed options, options to a story of `commands`, its result to an exit code.

The only room that ends the process. It decides nothing and loops over no artifacts.
"""

from publisher.cli.main import main

__all__ = ["main"]
