"""The shape of a manifest as strict models: what may stand where, kind by kind. The only home of pydantic here.

Meaning (names, files, variables) is judged by expansion.
"""
