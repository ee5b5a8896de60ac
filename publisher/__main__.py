"""`python -m publisher` is the command `publish`."""

from publisher.cli import main

main()
