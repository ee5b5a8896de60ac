"""How problems are shown: all of them, in file order, with the line, a caret and a hint; and the same as data."""

from __future__ import annotations

from pathlib import Path

from publisher.errors import InputError
from publisher.manifest import Diagnostic, ManifestError, Severity, render
from tests.unit.manifest.building import parse, refused

TEN_MISTAKES = """\
verison: 1
destinations:
  fleet: {kind: fleet, endpoint: https://canary.example}
  depot: {kind: flete}
defaults:
  dev_stage: ${STAGE
  version: ${RELEASE_VERSION:?set it to the release date}
artifacts:
  - resource_name: detector-${matrix.varient}
    destination: flet
    file: m.bin
    architecture: arm64
    matrix: {variant: [small, large]}
  - resource_name: a b
    destination: fleet
    architecture: arm64
    file: nowhere.trt
  - files: out/{model}-{arch}.trt
    destination: fleet
    resource_name: ${capture.modle}
    architecture: ${capture.arch}
    expect: 4
    comperssion: best
"""

SHOWN = """\
/project/release.yaml:1:1: error: unknown field `verison`
  1 | verison …
    | ^
  hint: did you mean `version`?
/project/release.yaml:3:24: error: `endpoint` has no place in a manifest: destinations come from the environment
  3 |   fleet: {kind: fleet, endpoint …
    |                        ^
  hint: set it as a variable of the pipeline; `env_prefix: EU_` reads EU_S3_ENDPOINT and so on
/project/release.yaml:4:17: error: unknown kind `flete`
  4 |   depot: {kind: flete}
    |                 ^
  hint: did you mean `fleet`?
/project/release.yaml:6:14: error: `${` is not closed by `}`
  6 |   dev_stage: ${STAGE
    |              ^
  hint: write `$${` for a literal `${`
/project/release.yaml:7:12: error: `RELEASE_VERSION` is not set: set it to the release date
  7 |   version: ${RELEASE_VERSION:?set it to the release date}
    |            ^
  hint: set it in the environment, or pass `--var RELEASE_VERSION=…`
/project/release.yaml:9:29: error: there is no `matrix.varient`
  9 |   - resource_name: detector-${matrix.varient}
    |                             ^
  hint: did you mean `matrix.variant`?
/project/release.yaml:10:18: error: there is no destination `flet`
  10 |     destination: flet
     |                  ^
  hint: did you mean `fleet`?
/project/release.yaml:14:20: error: `a b` is not allowed as resource_name: it holds ` ` (character 2)
  14 |   - resource_name: a b
     |                    ^
  hint: use letters, digits, `.`, `_`, `-`; start with a letter or digit, and do not end with a dot
/project/release.yaml:17:11: error: there is no file `nowhere.trt`
  17 |     file: nowhere.trt
     |           ^
  hint: build it first; paths are relative to the manifest's folder
/project/release.yaml:23:5: error: unknown field `comperssion`
  23 |     comperssion …
     |     ^
  hint: did you mean `compression`?
"""


def test_ten_mistakes_are_shown_at_once() -> None:
    """Every problem of a manifest is reported in one go, in file order, each with its line, caret and hint."""
    error = refused(TEN_MISTAKES, names=["m.bin", "out/a-x.trt"])

    shown = [line for item in error.diagnostics for line in render(item, error.source_lines, error.path)]
    assert "\n".join(shown) + "\n" == SHOWN
    assert error.message == "10 problems in /project/release.yaml"


def test_problems_are_data_too() -> None:
    """The same diagnostics are plain values for `--json`."""
    error = refused("version: 1\nartifacts: []\n")

    assert error.diagnostics[0].to_json() == {
        "severity": "error",
        "line": 1,
        "column": 1,
        "field": "destinations",
        "message": "`destinations` is missing",
        "hint": "for example `destinations: {fleet: {kind: fleet}}`",
    }


def test_a_manifest_error_is_an_input_error() -> None:
    """An invalid manifest ends with exit code 3 and a code of its own."""
    error = refused("")

    assert isinstance(error, InputError)
    assert (error.code, error.exit_code, error.retryable) == ("manifest_invalid", 3, False)
    assert error.message == "1 problem in /project/release.yaml"


def test_a_flood_is_cut() -> None:
    """A hundred problems are listed; the summary says that there are more."""
    error = refused("version: 1\n" + "".join(f"x{number}: 1\n" for number in range(500)))

    assert len(error.diagnostics) == 100
    assert error.message == "more than 100 problems in /project/release.yaml"


def test_long_and_odd_lines_are_shown_safely() -> None:
    """A long line is shown around its caret, and a character that cannot be printed as its escape."""
    line = "a" * 300 + "\u202ebc"
    shown = render(Diagnostic(Severity.ERROR, 1, 302, "x", "wrong"), [line], Path("m.yaml"))

    assert shown[0] == "m.yaml:1:302: error: wrong"
    assert "\\u202ebc" in shown[1]
    assert len(shown[1]) < 200
    assert shown[1][shown[2].index("^")] == "b"


def test_a_problem_without_a_place_is_one_line() -> None:
    """A flag's problem names the flag, and a file's name is escaped like any other."""
    flag = Diagnostic(Severity.ERROR, 0, 0, "--version", "version is empty", "give one")
    warning = Diagnostic(Severity.WARNING, 1, 1, "", "odd")

    assert render(flag, [], Path()) == ["--version: error: version is empty", "  hint: give one"]
    assert render(warning, [], Path("a\x1b.yaml")) == ["a\\x1b.yaml:1:1: warning: odd"]


def test_errors_of_arguments_say_so() -> None:
    """An error without any line is about the arguments, not about a file."""
    error = ManifestError(Path(), [Diagnostic(Severity.ERROR, 0, 0, "--file", "x")])

    assert error.message == "1 problem in the arguments"


def test_a_sound_manifest_has_a_digest_of_its_bytes() -> None:
    """The manifest's sha256 is over the file as it is, so that a saved plan can be compared with it."""
    manifest = parse(b"version: 1\ndestinations: {f: {kind: fleet}}\nartifacts: []\n")

    assert manifest.sha256 == "33776a3d350bb0d20d231ab03476fc70d5f6a55f42611b6830fdd85d357e5679"
