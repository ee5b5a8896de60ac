"""The S3 store listens to its options only, and keeps its secrets to itself."""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.errors import PublisherError
from publisher.stores.port import Body
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.support.fault_proxy import Fault, Kind, proxy_to
from tests.support.s3_servers import through
from tests.support.scripted_http import Answer, scripted

SCRIPT = """
import json, sys
from publisher.stores.port import Body
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
options = S3Options(**json.loads(sys.argv[1]))
store = S3Store(options)
answers = [store.create("dev/x", Body.of(b"x"), metadata={"a": "b"}).value, store.head("dev/x").metadata["a"]]
with store.read("dev/x") as pieces:
    answers.append(b"".join(pieces).decode())
print(json.dumps(answers))
"""


def hostile_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which every default of the SDK leads astray."""
    aws = folder / ".aws"
    (aws / "models" / "s3" / "2006-03-01").mkdir(parents=True)
    (aws / "models" / "s3" / "2006-03-01" / "service-2.json").write_text("{}")
    config = "endpoint_url = http://127.0.0.1:1\nregion = mars-1\nca_bundle = /nonexistent\nmax_attempts = 99\n"
    (aws / "config").write_text(
        f"[default]\n{config}s3 =\n  addressing_style = virtual\n  payload_signing_enabled = false\n"
        f"[profile evil]\n{config}"
    )
    (aws / "credentials").write_text("[default]\naws_access_key_id = CANARYFILE\naws_secret_access_key = CANARYFILE\n")
    (folder / ".netrc").write_text("machine 127.0.0.1 login CANARYNETRC password CANARYNETRC\n")
    (folder / ".netrc").chmod(0o600)
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    return proxies | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(folder),
        "NO_PROXY": "",
        "AWS_ACCESS_KEY_ID": "CANARYENV",
        "AWS_SECRET_ACCESS_KEY": "CANARYENV",
        "AWS_SESSION_TOKEN": "CANARYENV",
        "AWS_PROFILE": "evil-and-missing",
        "AWS_DEFAULT_PROFILE": "evil",
        "AWS_CONFIG_FILE": str(aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_REGION": "mars-1",
        "AWS_DEFAULT_REGION": "mars-1",
        "AWS_CA_BUNDLE": "/nonexistent",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
        "AWS_DATA_PATH": str(aws / "models"),
        "AWS_MAX_ATTEMPTS": "99",
        "AWS_RETRY_MODE": "adaptive",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_supported",
        "AWS_AUTH_SCHEME_PREFERENCE": "sigv4a",
        "AWS_SIGV4A_SIGNING_REGION_SET": "*",
    }


def test_r8_the_environment_has_no_say(s3_options: S3Options, tmp_path: Path) -> None:
    """R8: no AWS_* variable, profile, model, netrc or proxy changes where requests go or how they are signed."""
    fields = ("endpoint", "access_key", "secret_key", "bucket", "region")
    options = json.dumps({name: getattr(s3_options, name) for name in fields})

    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, options],
        env=hostile_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["created", "b", "x"]
    assert "CANARY" not in done.stderr


def test_what_is_sent_comes_from_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Region, access key and addressing are the given ones; a session token of the environment is not sent."""
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "CANARY")
    with scripted(Answer(200, {"ETag": '"e"'})) as server:
        options = S3Options(server.url, "MYKEY", "MYSECRET", "bucket", region="eu-north-7")
        S3Store(options).create("dev/x", Body.of(b"x"), metadata={})

    (asked,) = server.asked
    assert asked.path == "/bucket/dev/x"
    assert "/eu-north-7/s3/aws4_request" in asked.headers["authorization"]
    assert "Credential=MYKEY/" in asked.headers["authorization"]
    assert "CANARY" not in json.dumps(dict(asked.headers))


def test_secrets_are_not_printed(s3_options: S3Options) -> None:
    """No secret in any printed form of the options or of the store."""
    options = replace(s3_options, access_key="CANARYACCESS", secret_key="CANARYSECRET", proxy="http://u:CANARY@proxy:1")

    for shown in (repr(options), str(options), repr(S3Store(options)), S3Store(options).location):
        assert "CANARY" not in shown


def test_a_location_shows_no_user_information() -> None:
    """Credentials in an endpoint's URL never become part of a message."""
    options = S3Options("https://user:CANARY@s3.example.com/base/?token=CANARY", "a", "b", "bucket")

    assert options.location == "https://s3.example.com/base/bucket"


def test_k1_nothing_secret_in_logs_and_errors(s3_options: S3Options, caplog: pytest.LogCaptureFixture) -> None:
    """K1: with DEBUG for everybody, neither logs nor tracebacks hold the secret key, the access key or a signature."""
    secret, access = s3_options.secret_key, s3_options.access_key
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    root = logging.getLogger()
    root.addHandler(handler)
    with caplog.at_level(logging.DEBUG), proxy_to(int(s3_options.endpoint.rpartition(":")[2])) as proxy:
        store = S3Store(replace(through(s3_options, proxy.port), read_timeout_s=2.0, read_attempts=2))
        good = S3Store(s3_options)
        wrong = S3Store(replace(s3_options, secret_key="CANARY-secret", access_key="CANARY-access"))
        store.create("dev/x", Body.of(b"x" * 200_000), metadata={"a": "b"})
        for kind, method in ((Kind.LOST_ANSWER, "HEAD"), (Kind.REFUSE, "PUT"), (Kind.STALL, "HEAD")):
            proxy.arm(Fault(kind, method, times=2))
            for call in (lambda: store.head("dev/x"), lambda: store.create("dev/y", Body.of(b"y"), metadata={})):
                try:
                    call()
                except PublisherError as error:
                    output.write("".join(traceback.format_exception(error)) + repr(error) + str(error.hint))
            proxy.calm()
        for call in (lambda: wrong.head("dev/x"), lambda: wrong.create("dev/z", Body.of(b"z"), metadata={})):
            with pytest.raises(PublisherError) as caught:
                call()
            output.write("".join(traceback.format_exception(caught.value)))
        good.head("dev/x")
    root.removeHandler(handler)

    text = output.getvalue() + caplog.text
    for canary in (secret, access, "CANARY", "AWS4-HMAC-SHA256", "Signature=", "X-Amz-"):
        assert canary not in text


def test_errors_carry_no_vendor_exception(s3_options: S3Options, refused_port: int) -> None:
    """Our errors are raised without the SDK's behind them: those hold requests, signatures included."""
    store = S3Store(replace(through(s3_options, refused_port), read_attempts=1))

    with pytest.raises(PublisherError) as caught:
        store.head("dev/x")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert b"SKADMINSECRET" not in pickle.dumps(caught.value.args)
