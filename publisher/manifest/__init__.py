"""The manifest language: text to artifacts, with every problem at its place. See manifests/README.md."""

from __future__ import annotations

from publisher.manifest.diagnostics import Diagnostic, ManifestError, Severity, render
from publisher.manifest.disk import DiskFiles
from publisher.manifest.files import FileKind, Files, Inspection, Listed
from publisher.manifest.flags import artifact_from_flags
from publisher.manifest.manifest import Manifest
from publisher.manifest.parsing import load_manifest, parse_manifest, project_root
from publisher.manifest.schema import manifest_schema
from publisher.model import DestinationSpec

__all__ = [
    "DestinationSpec",
    "Diagnostic",
    "DiskFiles",
    "FileKind",
    "Files",
    "Inspection",
    "Listed",
    "Manifest",
    "ManifestError",
    "Severity",
    "artifact_from_flags",
    "load_manifest",
    "manifest_schema",
    "parse_manifest",
    "project_root",
    "render",
]
