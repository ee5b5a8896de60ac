"""The catalogue of faults and bad inputs: what may go wrong, by id. A test names the ids it guards in its docstring."""

from __future__ import annotations

from collections.abc import Mapping

CATALOGUE: Mapping[str, str] = {
    "C1": "killed after the lookup",
    "C2": "killed after the file was sealed",
    "C3": "killed after the key was put into escrow",
    "C4": "killed after an upload in parts was begun",
    "C5": "killed after some of the parts",
    "C6": "killed after the create was sent, before its answer; it may be lost, arrive, or arrive late",
    "C7": "killed after the object was created",
    "C8": "killed after the object was verified",
    "C9": "killed after the registration was sent",
    "C10": "three publishers of one manifest, killed at random, in bad weather",
    "C11": "a stop while bytes are uploaded",
    "C12": "a stop between create and registration",
    "C13": "a second signal between create and registration",
    "C14": "stopped between create and registration while another run goes on, then woken",
    "C15": "power loss: a truncated or empty journal",
    "C16": "a hang-up, a closed pipe, no terminal, a dumb or narrow one",
    "C17": "out of memory, or a bug, in one worker",
    "C18": "the clock jumps",
    "S1": "the connection breaks in the middle of an upload",
    "S2": "the answer to an upload is lost; the repetition is refused because of one's own object",
    "S3": "the answer to the completion of an upload in parts is lost",
    "S4": "success whose body is an error",
    "S5": "throttled for a while",
    "S6": "throttled for ever",
    "S7": "a server that never answers, or a byte at a time",
    "S8": "credentials expire in the middle of a run",
    "S9": "this machine's clock is wrong",
    "S10": "another operation is in progress",
    "S11": "a store that ignores the condition",
    "S12": "a store that refuses the condition",
    "S13": "a store that loses metadata",
    "S14": "stored bytes that differ from the sent ones",
    "S15": "the object is replaced between create and registration",
    "S16": "the object is replaced or deleted after registration",
    "S17": "an upload in parts can be neither listed nor aborted",
    "S18": "no such bucket, wrong credentials, another region, another host's certificate",
    "S19": "sizes at the edges: empty, one cipher block, more than one request can hold",
    "S20": "no free file descriptors",
    "S21": "a CDN that is behind",
    "R1": "the lookup fails, or answers something else",
    "R2": "the registry is down after the upload",
    "R3": "the answer to the registration is lost, or the registration itself",
    "R4": "a duplicate: equal, different, or said without saying which",
    "R5": "an answer of another shape, cut, huge, compressed, in an odd encoding",
    "R6": "a redirect to a login page that answers 200",
    "R7": "a redirect that would send the key to another host",
    "R8": "the environment holds proxies, netrc, CA bundles, SDK settings",
    "R9": "a certificate or a protocol that is not to be trusted",
    "R10": "too many requests, with or without a time to wait",
    "R11": "slow answers for many artifacts",
    "R12": "a database that conflicts, deadlocks, breaks off, is read-only, full, old or locked",
    "R13": "a row whose object is missing",
    "R14": "a lookup that lags behind",
    "R15": "a registered version whose local source differs",
    "F1": "a source that grows, shrinks or is replaced",
    "F2": "a source that is cut while it is read",
    "F3": "no room for the spool, or no right to write it",
    "F4": "a source that is missing, unreadable, no regular file, or oddly named",
    "F5": "a source outside the project",
    "F6": "any content: empty, sparse, packed, incompressible; memory stays flat",
    "F7": "an input/output error in the middle of a source",
    "F8": "two workers in one temporary folder, planted links",
    "F9": "a processor without AES instructions; a cryptographic library with restrictions",
    "M1": "values that plain YAML would convert",
    "M2": "keys that are written twice",
    "M3": "anchors, aliases, merge keys and what they expand to",
    "M4": "depth, length and number without bounds",
    "M5": "tags, other documents, odd encodings and characters",
    "M6": "unknown, misspelt, mistyped and missing fields",
    "M7": "names that are not allowed, and artifacts that are one",
    "M8": "names that look like markup or move the cursor",
    "M9": "endpoints, buckets and secrets in a manifest",
    "M10": "patterns, folders, order, and no artifact at all",
    "K1": "secrets in output, files and logs",
    "K2": "secrets in exceptions",
    "K3": "secrets in representations, dumps and pickles",
    "K4": "secrets in command lines and children's environments",
    "K5": "secrets in core dumps",
    "K6": "files that others may read",
    "K7": "secrets in commits",
    "K8": "keys in tables and documents",
}

_PARTS = "objects are sent in one request; uploads in parts are not published with yet"

NOT_YET: Mapping[str, str] = {
    "C4": _PARTS,
    "C5": _PARTS,
    "S3": _PARTS,
}
"""Ids without a test because there is nothing to test yet. A test for one of them has to remove it here."""

NOT_HERE: Mapping[str, str] = {
    "C15": "there is no journal: what is true is always asked of the store and the registry",
}
"""Ids that this design does not have."""

IN_PART: Mapping[str, str] = {
    "C11": "parts: " + _PARTS,
    "S19": "numbers of parts: " + _PARTS,
    "F9": "a FIPS build of OpenSSL needs a machine of its own",
}
"""Ids whose test leaves something out, and why."""
