"""Docker images as sources: streamed from the local engine, by skopeo from elsewhere, or out of a saved archive."""
