"""What the WebDAV recipe relies on, against every repository: nginx (tokens, users), wsgidav, rclone, a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from publisher.destinations.webdav.folder import FolderRepository
from publisher.destinations.webdav.ports import Found, MoveAnswer, Repository
from publisher.errors import Cancelled, NotFoundError, PublisherError
from publisher.http import StreamedBody
from tests.support.webdav_repositories import repository_of
from tests.support.webdav_servers import WebdavServer

NAMES = [
    "tool.deb",
    "a b.txt",
    "ü.bin",
    "日本語.AppImage",
    "50%.zip",
    "%41.zip",
    "a#b",
    "x+y~1",
    "a&b=c",
    "a'b(c)!",
    "@:,$*",
]


@dataclass(frozen=True)
class Place:
    """A repository, and where its files can be seen without it."""

    repository: Repository
    stored: Callable[[], dict[str, bytes]]


@pytest.fixture(
    params=[
        "folder",
        "wsgidav_server",
        "rclone_server",
        pytest.param("nginx_by_token", marks=pytest.mark.tier2),
        pytest.param("nginx_by_user", marks=pytest.mark.tier2),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield Place(
            FolderRepository(tmp_path),
            lambda: {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()},
        )
        return
    server: WebdavServer = request.getfixturevalue(request.param)
    with repository_of(server) as repository:
        yield Place(repository, server.stored)


def put(place: Place, path: str, content: bytes) -> None:
    place.repository.make_folder(path.rpartition("/")[0])
    place.repository.upload(path, lambda: StreamedBody(len(content), [content]))


def read(place: Place, path: str, size_bytes: int = 0) -> bytes:
    with place.repository.read(path, size_bytes=size_bytes) as pieces:
        return b"".join(pieces)


def test_what_is_not_there_is_absent(place: Place) -> None:
    """A missing file, in a folder that is missing too, is *absent* and no error; reading it says so."""
    assert place.repository.look("deb/tool/1/tool.deb") is None
    with pytest.raises(NotFoundError):
        read(place, "deb/tool/1/tool.deb")


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 2000], ids=["empty", "one byte", "half a megabyte"])
def test_a_file_comes_back_as_it_was_sent(place: Place, content: bytes) -> None:
    """What is uploaded is there with its length and its bytes, and its folders were made."""
    put(place, "deb/tool/1/tool.deb.part-1", content)

    assert place.repository.look("deb/tool/1/tool.deb.part-1") == Found(len(content))
    assert read(place, "deb/tool/1/tool.deb.part-1", len(content)) == content
    assert place.stored() == {"deb/tool/1/tool.deb.part-1": content}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_kept_through_upload_and_move(place: Place, name: str) -> None:
    """A path is encoded once and right, in the address and in the Destination: the file has exactly its name."""
    put(place, f"t/b 1/{name}.part", b"content")

    answer = place.repository.move(f"t/b 1/{name}.part", f"t/b 1/{name}")

    assert answer is MoveAnswer.MOVED
    assert place.stored() == {f"t/b 1/{name}": b"content"}
    assert place.repository.look(f"t/b 1/{name}") == Found(7)


def test_a_move_never_overwrites(place: Place) -> None:
    """A file in the way stays as it is, and so does the part."""
    put(place, "t/1/x", b"theirs")
    put(place, "t/1/x.part", b"ours")

    answer = place.repository.move("t/1/x.part", "t/1/x")

    assert answer is MoveAnswer.OCCUPIED
    assert place.stored() == {"t/1/x": b"theirs", "t/1/x.part": b"ours"}


def test_a_missing_part_cannot_be_moved(place: Place) -> None:
    """A move of nothing is an error, and makes nothing."""
    place.repository.make_folder("t/1")

    with pytest.raises(PublisherError):
        place.repository.move("t/1/x.part", "t/1/x")

    assert place.stored() == {}


def test_one_file_is_deleted_and_no_other(place: Place) -> None:
    """A part is deleted once; being gone is an answer, and its neighbours stay."""
    put(place, "t/1/x.part", b"ours")
    put(place, "t/1/x", b"theirs")

    assert place.repository.discard("t/1/x.part") is True
    assert place.repository.discard("t/1/x.part") is False
    assert place.stored() == {"t/1/x": b"theirs"}


def test_a_folder_may_be_made_twice(place: Place) -> None:
    """Folders that are there already are fine, also when several workers make them at once."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(place.repository.make_folder, ["t/p/1", "t/p/2", "t/p/1", "t/p/2"]))

    put(place, "t/p/1/x", b"1")
    assert place.stored() == {"t/p/1/x": b"1"}


def test_an_upload_that_is_stopped_is_never_whole(place: Place) -> None:
    """A body that ends early leaves nothing, or less than the file: its length shows that it is not the file."""
    place.repository.make_folder("t/1")

    def pieces() -> Iterator[bytes]:
        yield bytes(100_000)
        raise Cancelled("stopped on request")

    with pytest.raises(Cancelled):
        place.repository.upload("t/1/x.part", lambda: StreamedBody(200_000, pieces()))

    found = place.repository.look("t/1/x.part")
    assert found is None or (found.size_bytes or 0) < 200_000


def test_the_address_of_a_file_is_for_people(place: Place) -> None:
    """The address in the report is the location with the path encoded, and holds no credentials."""
    address = place.repository.url("t/a b/ü#1")

    assert address.endswith("/t/a%20b/%C3%BC%231")
    assert "@" not in address
