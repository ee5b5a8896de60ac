"""One rig for each kind of destination: the real thing, an artifact for it, and ways to look and to break it."""
