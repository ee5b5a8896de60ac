"""Entries for an artifact repository: folders and names, sets of files, and paths that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.destinations.webdav.paths import encoded, part_of
from publisher.model import Compression, DavIdentity, FileSetSource, FileSource, NamedFile
from publisher.model.repository_paths import path_problem
from tests.unit.manifest.building import ROOT, parse, refused, the_problem

HEAD = """\
version: 1
destinations: {builds: {kind: webdav}}
defaults: {path: deb/tool/7}
artifacts:
"""


def manifest(*entries: str) -> str:
    return HEAD + "".join(f"  - {{{body}}}\n" for body in entries)


def source(path: str) -> FileSource:
    return FileSource(ROOT / path, ROOT, path)


def test_a_file_keeps_its_name_in_the_folder() -> None:
    """The identity is the folder and the file's own name; files are published as they are."""
    (artifact,) = parse(manifest("file: out/tool.deb"), names=["out/tool.deb"]).artifacts

    assert artifact.identity == DavIdentity("deb/tool/7/tool.deb")
    assert artifact.id.path == "deb/tool/7/tool.deb"
    assert artifact.source == source("out/tool.deb")
    assert artifact.compression is Compression.NONE
    assert artifact.origins["path"].detail == "defaults"


def test_folder_and_name_are_made_of_values() -> None:
    """Type, project and build number come from the matrix, captures, variables and facts, in any order."""
    text = manifest(
        'files: "out/{arch}/{tool}.exe", path: "${TYPE}/${capture.tool}/${BUILD}", name: "${capture.arch}.exe"'
    )

    found = parse(text, names=["out/x64/a.exe", "out/arm/b.exe"], variables={"TYPE": "exe"}, environment={"BUILD": "9"})

    assert [item.identity.path for item in found.artifacts] == ["exe/b/9/arm.exe", "exe/a/9/x64.exe"]


def test_files_together_are_one_artifact() -> None:
    """With `together` all matches are one artifact: each keeps its path below the folder that the pattern names."""
    text = manifest('files: "dist/docs/**/*", together: true')

    (artifact,) = parse(text, names=["dist/docs/b", "dist/docs/img/a.svg", "dist/docs/a b.html"]).artifacts

    assert artifact.identity == DavIdentity("deb/tool/7")
    assert artifact.source == FileSetSource(
        (
            NamedFile("a b.html", source("dist/docs/a b.html")),
            NamedFile("b", source("dist/docs/b")),
            NamedFile("img/a.svg", source("dist/docs/img/a.svg")),
        ),
        "dist/docs/**/*",
    )


def test_a_matrix_makes_a_set_for_each_row() -> None:
    """One set for each combination, in its own folder, under `expect` for all of them together."""
    text = manifest(
        'files: "out/${matrix.arch}/*", together: true, path: "docs/${matrix.arch}", matrix: {arch: [x, y]}, expect: 3'
    )

    found = parse(text, names=["out/x/1", "out/x/2", "out/y/1"]).artifacts

    assert [item.identity.path for item in found] == ["docs/x", "docs/y"]
    assert [len(item.source.files) for item in found if isinstance(item.source, FileSetSource)] == [2, 1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("file: m.bin, together: true", "`together` does not go with `file`: one file has nothing to be together with"),
        ('files: "*.bin", together: true, name: x', "`together` does not go with `name`: each file keeps its own name"),
        ('files: "*.bin", together: maybe', "expected `true` or `false`"),
        ("file: m.bin, name: a/b", "`a/b` cannot be a file's name at the repository: it holds `/`"),
        ('file: m.bin, path: ""', "`` cannot be a folder at the repository: it is empty"),
        ("file: m.bin, path: /deb", "`/deb` cannot be a folder at the repository: it begins or ends with `/`"),
        ("file: m.bin, path: a/../b", "`a/../b` cannot be a folder at the repository: a name in it begins with a dot"),
        ("file: m.bin, name: .htaccess", "`.htaccess` cannot be a file's name at the repository: a name in it begins"),
        ("file: m.bin, version: 1", "unknown field `version`"),
        ('files: "*.bin", together: true, path: "${capture.x}"', "`capture.x` needs"),
    ],
)
def test_what_cannot_be_published_is_a_problem_at_its_place(body: str, message: str) -> None:
    """Every mistake of an entry is told with its reason."""
    assert message in "; ".join(item.message for item in refused(manifest(body)).diagnostics)


def test_a_value_of_the_environment_is_not_shown() -> None:
    """A path with a bad value from the environment is told by its reference."""
    problem = the_problem(manifest('file: m.bin, path: "deb/${WHERE}"'), WHERE="../secret-value")

    assert "`deb/${WHERE}` cannot be a folder" in problem.message
    assert "secret-value" not in problem.message + str(problem.hint)


@pytest.mark.parametrize(
    "entries",
    [
        ("file: m.bin", "file: m.bin"),
        ("file: m.bin, name: Tool", "file: m.bin, name: tool"),
        ("file: m.bin, path: a/b", "file: m.bin, path: a, name: b"),
        ("file: m.bin, path: a, name: b", "file: m.bin, path: a/b/c"),
        ('files: "m.*", together: true', "file: m.bin, name: m.bin"),
    ],
)
def test_two_artifacts_never_share_a_path(entries: tuple[str, str]) -> None:
    """One path, one path in other letters, and a file where another artifact needs a folder are told before a plan."""
    problem = the_problem(manifest(*entries))

    assert "has the same" in problem.message
    assert problem.line == 6


def test_artifacts_share_folders() -> None:
    """Any number of files lie in one folder."""
    assert len(parse(manifest(*[f"file: m.bin, name: m{number}" for number in range(3)])).artifacts) == 3


GOOD_PATHS = ["a/b", "deb/tool/1.0~rc1+b2/tool_1.0_amd64.deb", "a/b c", "ü/日本語", "a/50%", "a/b#c", "a/" + "x" * 217]
BAD_PATHS = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "a/./b",
    "a/.hidden",
    "a\\b",
    "a/b?c",
    "a/b;c",
    "a/ b",
    "a/b ",
    "a/b\n",
    "a/\x1b[0m",
    "a/\u202eb",
    "a/\ud800",
    "a/u\u0308",
    "a/" + "x" * 218,
    "a/" + "ü" * 109,
    "/".join(["abcdefghi"] * 103),
    f"a/b.part-{'0' * 32}",
]


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_a_sound_path_is_accepted(path: str) -> None:
    """Spaces, composed letters and signs that versions have are fine."""
    assert path_problem(path) is None


@pytest.mark.parametrize("path", BAD_PATHS)
def test_an_unsafe_path_is_refused(path: str) -> None:
    """What leads elsewhere, hides, looks like another, or what servers read in different ways is refused."""
    problem = path_problem(path)

    assert problem is not None
    assert all(part.isprintable() for part in problem)


@given(st.text(max_size=40).map(lambda text: f"a/{text}"))
def test_what_is_accepted_stays_below_and_survives_the_wire(path: str) -> None:
    """Any accepted path is printable, keeps to its folder, and is one thing again after the server decoded it once."""
    from posixpath import normpath
    from urllib.parse import unquote

    if path_problem(path) is not None:
        return
    part = part_of(path, "0" * 32).rpartition("/")[2]

    assert normpath(path) == path
    assert path.isprintable()
    assert unquote(encoded(path), errors="strict") == path
    assert encoded(path).isascii()
    assert not set(encoded(path)) & set(' ?#;\\"<>')
    assert len(part.encode()) <= 255
