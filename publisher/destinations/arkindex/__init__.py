"""Arkindex: worker versions made of a Docker image's name, a worker's configuration and a commit."""
