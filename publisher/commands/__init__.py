"""One module a verb: the story each command tells. Nothing here prints, parses argv or imports a vendor library."""
