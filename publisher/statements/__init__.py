"""Signed statements about stored objects: in-toto Statement v1 in a DSSE envelope. Pure: no IO, no clock, no keys."""
