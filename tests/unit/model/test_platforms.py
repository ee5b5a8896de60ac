"""Words for processors, and which images a device of such a word can run."""

from __future__ import annotations

import pytest

from publisher.model.platforms import Platform, platform_named, platform_of


@pytest.mark.parametrize(
    ("words", "platform"),
    [
        ("amd64 x86_64 x86-64 X86_64 x64 linux-amd64 linux/amd64", Platform("amd64")),
        ("arm64 aarch64 ARM64 arm64v8 arm64-v8 arm64/v8 linux_arm64", Platform("arm64")),
        ("armv7 armv7l armhf arm/v7 arm-v7 arm32v7", Platform("arm", "v7")),
        ("armv6 armv6l arm_v6", Platform("arm", "v6")),
        ("arm", Platform("arm")),
        ("386 i386 i686 x86", Platform("386")),
        ("ppc64le ppc64el", Platform("ppc64le")),
        ("riscv64", Platform("riscv64")),
        ("s390x", Platform("s390x")),
    ],
)
def test_a_processor_has_many_names(words: str, platform: Platform) -> None:
    """Each of a processor's usual names means its platform, whatever the case and the separator."""
    assert {word: platform_named(word) for word in words.split()} == dict.fromkeys(words.split(), platform)


@pytest.mark.parametrize("word", ["jetson", "any", "orin-arm64x", "armada", "linux", "", "gpu", "noarch", "amd"])
def test_other_words_name_no_processor(word: str) -> None:
    """A word that is not exactly a processor's name is compared with nothing: `jetson` is a board, not a processor."""
    assert platform_named(word) is None


@pytest.mark.parametrize(
    ("device", "image", "runs"),
    [
        (Platform("arm64"), Platform("arm64"), True),
        (Platform("arm64"), Platform("arm64", "v8"), True),
        (Platform("arm64"), Platform("amd64"), False),
        (Platform("arm64"), Platform("arm", "v7"), False),
        (Platform("amd64"), Platform("386"), False),
        (Platform("amd64"), Platform("amd64", "v3"), True),
        (Platform("arm", "v7"), Platform("arm", "v7"), True),
        (Platform("arm", "v7"), Platform("arm", "v6"), True),
        (Platform("arm", "v6"), Platform("arm", "v7"), False),
        (Platform("arm"), Platform("arm", "v7"), True),
        (Platform("arm", "v7"), Platform("arm"), True),
        (Platform("arm64"), Platform(""), True),
    ],
)
def test_which_images_a_device_runs(device: Platform, image: Platform, runs: bool) -> None:
    """The architectures have to be one; ARM's variants go up; an image that says nothing is not contradicted."""
    assert device.runs(image) is runs


def test_a_platform_is_printed_as_docker_prints_it() -> None:
    """Messages and `--platform` have the form os/architecture/variant."""
    assert [str(Platform("arm", "v7")), str(Platform("amd64")), str(Platform("amd64", os="windows"))] == [
        "linux/arm/v7",
        "linux/amd64",
        "windows/amd64",
    ]


def test_a_configuration_is_taken_at_its_word_and_no_more() -> None:
    """Only short words of a configuration are believed: they are shown in messages and handed to programs."""
    assert platform_of({"architecture": "arm", "variant": "v7", "os": "linux"}) == Platform("arm", "v7")
    assert platform_of({"architecture": "\x1b[31m", "variant": 7, "os": "x" * 50}) == Platform("", "", "")
