"""`publish schema`: the JSON Schemas, exactly as the files in `schemas/`."""

from __future__ import annotations

import json
from typing import Literal, assert_never

SchemaName = Literal["manifest", "plan", "report"]


def schema_text(name: SchemaName) -> str:
    """Return the schema as indented JSON with a newline at its end."""
    from publisher.manifest import manifest_schema
    from publisher.planfile import plan_schema, report_schema

    match name:
        case "manifest":
            schema = manifest_schema()
        case "plan":
            schema = plan_schema()
        case "report":
            schema = report_schema()
        case _:
            assert_never(name)
    return json.dumps(schema, indent=2) + "\n"
