"""Rows F4 and F5, reading part: what a source may be, on a real file system. Nothing is ever opened."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.manifest import Diagnostic, FileKind, Manifest, ManifestError, load_manifest, project_root
from publisher.manifest.disk import DiskFiles
from tests.support.kinds import file_of
from tests.unit.manifest.building import HEAD, no_facts


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a manifest's folder, one good file and one secret outside."""
    (tmp_path / "secret").write_text("canary")
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "manifests").mkdir()
    (root / "m.bin").write_bytes(b"model")
    return root


def load(project: Path, body: str) -> Manifest:
    path = project / "manifests" / "release.yaml"
    path.write_text(f"{HEAD}  - resource_name: m\n    {body}\n", encoding="utf-8")
    return load_manifest(path, variables={}, environment={}, facts=no_facts)


def problem_of(project: Path, body: str) -> Diagnostic:
    with pytest.raises(ManifestError) as caught:
        load(project, body)
    assert len(caught.value.diagnostics) == 1
    return caught.value.diagnostics[0]


def test_a_source_is_resolved_below_the_root(project: Path) -> None:
    """A path is relative to the manifest, may go up to the root, and is shown as written."""
    source = file_of(load(project, "file: ../m.bin").artifacts[0])

    assert source.path == project / "m.bin"
    assert source.root == project
    assert source.shown == "../m.bin"


def test_without_git_the_root_is_the_manifests_folder(tmp_path: Path) -> None:
    """Without `.git` above it, a manifest publishes only what lies beside or below it."""
    (tmp_path / "outer.bin").touch()
    (tmp_path / "folder" / "manifests").mkdir(parents=True)

    assert project_root(tmp_path / "folder" / "manifests" / "x.yaml") == tmp_path / "folder" / "manifests"
    assert "leads out of the project's root" in problem_of(tmp_path / "folder", "file: ../outer.bin").message


def test_a_worktree_is_a_project(tmp_path: Path) -> None:
    """In a worktree `.git` is a file; it marks the root all the same."""
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "manifests").mkdir()

    assert project_root(tmp_path / "manifests" / "x.yaml") == tmp_path


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("file: missing.bin", "there is no file `missing.bin`"),
        ("file: ../m.bin/x", "there is no file `../m.bin/x`"),
        ("file: ..", "`..` is a directory, and a source is a regular file"),
        ("file: ./", "`./` is a directory, and a source is a regular file"),
        ("file: ../../secret", "the path `../../secret` leads out of the project's root"),
        ("file: ../../../etc/shadow", "the path `../../../etc/shadow` leads out of the project's root"),
        ("file: /etc/passwd", "the path `/etc/passwd` is absolute"),
        ("file: /proc/self/environ", "the path `/proc/self/environ` is absolute"),
        ("file: /dev/zero", "the path `/dev/zero` is absolute"),
        ("file: 'file:///etc/passwd'", "`file:///etc/passwd` is a URL, not a path"),
        ("file: ''", "the path is empty"),
        ("files: ../../*", "the path `../../*` leads out of the project's root"),
    ],
)
def test_paths_that_are_no_source_are_refused(project: Path, body: str, message: str) -> None:
    """F4, F5: missing, outside, absolute and empty paths are errors at their line."""
    problem = problem_of(project, body)

    assert problem.message == message
    assert problem.line == 6


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fifo", "`x` is a FIFO, and a source is a regular file"),
        ("socket", "`x` is a socket, and a source is a regular file"),
        ("directory", "`x` is a directory, and a source is a regular file"),
        ("loop", "`x` is a loop of links"),
        ("dangling", "`x` is a link to nothing"),
        ("link to fifo", "`x` is a FIFO, and a source is a regular file"),
        ("link out", "`x` is reached through a link that leads out of the project's root"),
        ("link to device", "`x` is a device, and a source is a regular file"),
    ],
)
def test_special_files_are_refused_and_never_opened(
    project: Path, monkeypatch: pytest.MonkeyPatch, kind: str, message: str
) -> None:
    """F4, F5: FIFOs, sockets, devices, directories, loops and links out end in an error at once."""
    monkeypatch.chdir(project / "manifests")
    make(Path("x"), kind)

    assert problem_of(project, "file: x").message == message


def make(path: Path, kind: str) -> None:
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "directory":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
        case "dangling":
            path.symlink_to("nowhere")
        case "link to fifo":
            os.mkfifo("pipe")
            path.symlink_to("pipe")
        case "link out":
            path.symlink_to("../../secret")
        case "link to device":
            path.symlink_to("/dev/zero")


def test_links_inside_the_root_are_followed(project: Path) -> None:
    """A link that stays below the root is resolved to what it names."""
    (project / "manifests" / "x").symlink_to("../m.bin")

    assert file_of(load(project, "file: x").artifacts[0]).path == project / "m.bin"


def test_a_folder_that_leads_out_is_refused(project: Path) -> None:
    """F5: neither a path nor a pattern goes through a folder that is a link out of the root."""
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "a.bin").touch()
    (project / "manifests" / "out").symlink_to(outside)

    assert problem_of(project, "file: out/a.bin").message == (
        "`out/a.bin` is reached through a link that leads out of the project's root"
    )
    assert problem_of(project, "files: out/*.bin").message == "the folder `out` is outside the project's root"
    assert problem_of(project, "files: '*/a.bin'").message == "the folder `out` is outside the project's root"
    assert problem_of(project, "files: '**/a.bin'").message == "the pattern matches no file"


def test_a_match_that_is_not_a_regular_file_is_refused(project: Path) -> None:
    """F4: a FIFO or a link out among the matches is an error, not a silent gap."""
    os.mkfifo(project / "manifests" / "a.bin")
    (project / "manifests" / "b.bin").symlink_to("../../secret")

    with pytest.raises(ManifestError) as caught:
        load(project, "files: '*.bin'")

    assert [item.message for item in caught.value.diagnostics] == [
        "`a.bin` is a FIFO, and a source is a regular file",
        "`b.bin` is reached through a link that leads out of the project's root",
    ]


def test_names_that_cannot_be_printed_are_escaped(project: Path) -> None:
    """F4: a newline, ESC, a right-to-left mark and bytes that are not UTF-8 in a file name are refused, escaped."""
    for name in (b"a\n.bin", b"b\x1b[2J.bin", "c\u202e.bin".encode(), b"d\xff.bin"):
        (Path(os.fsdecode(os.fsencode(project / "manifests") + b"/" + name))).touch()

    with pytest.raises(ManifestError) as caught:
        load(project, "files: '*.bin'")

    assert [item.message for item in caught.value.diagnostics] == [
        f"the path `{name}.bin` holds a control or invisible character, or is not UTF-8"
        for name in ("a\\x0a", "b\\x1b[2J", "c\\u202e", "d\\udcff")
    ]


def test_a_path_that_is_too_long_is_refused(project: Path) -> None:
    """F4: the file system's own limit ends in an error."""
    assert problem_of(project, f"file: {'x' * 5000}").message.endswith("is a path that is too long")


def test_an_unreadable_file_is_refused() -> None:
    """F4: a file without permission to read is an error while planning, not in the middle of an upload."""
    with tempfile.TemporaryDirectory() as name, without_privileges(Path(name)) as folder:
        (folder / "manifests").mkdir()
        (folder / "manifests" / "x").touch(mode=0)

        assert problem_of(folder, "file: x").message == "`x` is not readable"


@contextmanager
def without_privileges(folder: Path) -> Iterator[Path]:
    """Give the folder to nobody and act as nobody: root may read everything."""
    if os.geteuid() != 0:
        yield folder
        return
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)


def test_near_misses_of_file_names_are_suggested(project: Path) -> None:
    """A missing file suggests a neighbour with a similar name."""
    (project / "manifests" / "detector.trt").touch()

    assert problem_of(project, "file: detektor.trt").hint == (
        "did you mean `detector.trt`? Otherwise build it first; paths are relative to the manifest's folder"
    )


def test_only_missing_names_the_kind() -> None:
    """Looking at a path never raises, whatever stands there."""
    files = DiskFiles()

    assert files.inspect(Path("/nowhere/at/all")).kind is FileKind.MISSING
    assert files.inspect(Path("/dev/null")).kind is FileKind.DEVICE
    assert files.inspect(Path("/")).kind is FileKind.DIRECTORY
    assert files.inspect(Path("/dev/null/x")).kind is FileKind.MISSING
    assert list(files.list(Path("/nowhere"))) == []
