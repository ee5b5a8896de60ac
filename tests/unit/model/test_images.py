"""What a reference to an image means, and what is refused as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.model.images import ImageNameError, ImageReference, Transport, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4
ENGINE, REGISTRY = Transport.ENGINE, Transport.REGISTRY
LAYOUT, OCI_ARCHIVE, DOCKER_ARCHIVE = Transport.OCI_LAYOUT, Transport.OCI_ARCHIVE, Transport.DOCKER_ARCHIVE


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("loader", ImageReference(ENGINE, "loader:latest", loaded_as="loader:latest")),
        ("loader:arm64", ImageReference(ENGINE, "loader:arm64", loaded_as="loader:arm64")),
        (
            "registry.example.com:5000/group/loader:1.4",
            ImageReference(
                ENGINE,
                "registry.example.com:5000/group/loader:1.4",
                loaded_as="registry.example.com:5000/group/loader:1.4",
            ),
        ),
        (
            "registry.example.com:5000/loader",
            ImageReference(
                ENGINE, "registry.example.com:5000/loader:latest", loaded_as="registry.example.com:5000/loader:latest"
            ),
        ),
        (DIGEST, ImageReference(ENGINE, DIGEST)),
        (f"loader@{DIGEST}", ImageReference(ENGINE, f"loader@{DIGEST}")),
        (
            "docker://registry.example.com/group/loader:1.4",
            ImageReference(
                REGISTRY, "registry.example.com/group/loader:1.4", loaded_as="registry.example.com/group/loader:1.4"
            ),
        ),
        (
            "docker://[::1]:5000/loader",
            ImageReference(REGISTRY, "[::1]:5000/loader:latest", "", "[::1]:5000/loader:latest"),
        ),
        (f"docker://r.example.com/loader@{DIGEST}", ImageReference(REGISTRY, f"r.example.com/loader@{DIGEST}")),
        (
            f"docker://r.example.com/loader:1.4@{DIGEST}",
            ImageReference(REGISTRY, f"r.example.com/loader@{DIGEST}", loaded_as="r.example.com/loader:1.4"),
        ),
        ("oci:build/loader:1.4", ImageReference(LAYOUT, "1.4", "build/loader", "loader:1.4")),
        ("oci:build/loader/", ImageReference(LAYOUT, "", "build/loader/", "loader:latest")),
        ("oci:build/Out:1.4", ImageReference(LAYOUT, "1.4", "build/Out", "")),
        ("oci:out:example/loader:1.4", ImageReference(LAYOUT, "example/loader:1.4", "out", "example/loader:1.4")),
        ("oci-archive:out/loader.tar:1.4", ImageReference(OCI_ARCHIVE, "1.4", "out/loader.tar", "loader:1.4")),
        ("docker-archive:out/loader.tar", ImageReference(DOCKER_ARCHIVE, "", "out/loader.tar")),
    ],
)
def test_a_reference_says_where_an_image_is(text: str, meant: ImageReference) -> None:
    """Without a transport it is the engine; a missing tag is `latest`, so that never all tags of a name are saved."""
    assert parse_reference(text) == meant


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("", "not the name of an image", "write it like"),
        ("--help", "not the name of an image", "write it like"),
        ("-o/tmp/x", "not the name of an image", "write it like"),
        ("Loader:1", "not the name of an image", "lower case"),
        ("loader:1 2", "not the name of an image", "write it like"),
        ("loader:1\n", "not the name of an image", "write it like"),
        ("loader@sha256:abc", "not the name of an image", "write it like"),
        ("a" * 256, "not the name of an image", "write it like"),
        ("0123456789abcdef" * 4, "sha256: before it", "write sha256:"),
        ("https://registry.example.com/loader", "a URL of another kind", "docker://name:tag"),
        ("docker-daemon:loader:1", "not read: docker-daemon:", "docker://name:tag"),
        ("containers-storage:loader", "not read: containers-storage:", "docker://name:tag"),
        ("docker://--help", "not the name of an image", "write it like"),
        ("docker-archive:a.tar:loader:1", "with a tag behind it", "one image to one archive"),
        ("oci:a:--help", "characters that no tag has", "oci:folder:tag"),
    ],
)
def test_what_names_no_image_is_refused(text: str, complaint: str, hint: str) -> None:
    """What no engine or registry could know, other transports, and what a tool may take for an option, are errors."""
    with pytest.raises(ImageNameError, match=complaint) as refused:
        parse_reference(text)

    assert hint in (refused.value.hint or "")


@given(st.text(max_size=60) | st.from_regex(r"(docker://|oci:|oci-archive:)?[A-Za-z0-9:/@._-]{1,40}", fullmatch=True))
def test_no_name_can_be_taken_for_an_option(text: str) -> None:
    """Whatever is accepted starts with a letter, digit or bracket, and holds no space and no control character."""
    try:
        reference = parse_reference(text)
    except ImageNameError:
        return
    for word in (reference.name, reference.loaded_as):
        assert not word or word[0].isalnum() or word[0] == "["
        assert word.isprintable()
        assert " " not in word
