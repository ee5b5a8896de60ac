"""The command line: argv to typed options, options to a story of `commands`, its result to an exit code.

The only room that ends the process. It decides nothing and loops over no artifacts. What is set here is the process's
own affair: importing the package changes nothing of its host.
"""

import gc
import os
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    # What is imported lives until the end, and so do the million objects of a manifest of ten thousand artifacts: with
    # the usual thresholds Python searches them for garbage again and again, for a quarter of the time of such a run.
    gc.set_threshold(100_000, 50, 1000)
    # Without this, pydantic reads the metadata of every installed package, to let plugins watch what is validated.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from publisher.cli.process import end_with_command

    end_with_command()
