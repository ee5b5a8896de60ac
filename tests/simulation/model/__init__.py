"""A small abstract model of the fleet protocol, enumerated completely (DESIGN.md, "The model").

It knows nothing of the engine: it is the independent statement of what the protocol may do. Whoever changes the write
order changes the model first.
"""
