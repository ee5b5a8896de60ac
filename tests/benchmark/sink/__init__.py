"""An object store that is fast enough not to matter: it keeps small objects and counts the bytes of large ones."""
