"""Signatures and addresses, judged by botocore, which is independent of ours."""

from __future__ import annotations

import calendar
import time
from urllib.parse import SplitResult, quote, urlsplit

import pytest
from boto3.session import Session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import PublisherError, RejectedError, SettingsError
from publisher.stores.s3_address import address_of, proxy_of
from publisher.stores.s3_options import AddressingStyle, S3Options
from publisher.stores.s3_signature import EMPTY_SHA256, UNSIGNED, Signer

ACCESS, SECRET, REGION = "AKEXAMPLE", "secret/of+the=tests", "eu-north-7"
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
NAMES = st.from_regex(r"x-amz-meta-[a-z][a-z0-9-]{0,20}", fullmatch=True)


class _Judge(S3SigV4Auth):
    """Botocore's signer for a payload hash that is given."""

    def __init__(self, payload: str) -> None:
        super().__init__(Credentials(ACCESS, SECRET), "s3", REGION)
        self._given = payload

    def payload(self, request: AWSRequest) -> str:
        """Return what was given."""
        return self._given


@given(
    key=st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cn"]), min_size=1, max_size=30),
    query=st.dictionaries(PRINTABLE, st.one_of(st.just(""), PRINTABLE), max_size=3),
    metadata=st.dictionaries(NAMES, PRINTABLE, max_size=3),
    payload=st.sampled_from([EMPTY_SHA256, UNSIGNED]),
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE"]),
)
def test_signatures_are_those_of_botocore(
    key: str, query: dict[str, str], metadata: dict[str, str], payload: str, method: str
) -> None:
    """Any key, query and metadata is signed as AWS's own SDK signs it."""
    path = f"/bucket/{quote(key, safe='/~')}"
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    asked = "&".join(f"{name}={value}" for name, value in pairs)
    url = f"http://s3.example.com:9000{path}" + (f"?{asked}" if asked else "")
    request = AWSRequest(method, url, headers={"if-none-match": "*", **metadata})
    _Judge(payload).add_auth(request)
    moment = time.strptime(str(request.headers["X-Amz-Date"]), "%Y%m%dT%H%M%SZ")

    signed = Signer(ACCESS, SECRET, REGION).signed(
        method,
        path,
        asked,
        {"host": "s3.example.com:9000", "if-none-match": "*", **metadata},
        payload=payload,
        now=calendar.timegm(moment),
    )

    assert signed["authorization"] == request.headers["Authorization"]


def test_a_new_day_has_its_own_key() -> None:
    """The derived key is kept for one day only, whatever day was signed before."""
    signer, day = Signer(ACCESS, SECRET, REGION), 86400.0

    def sign(with_: Signer, now: float) -> str:
        return with_.signed("GET", "/b", "", {"host": "h"}, payload=EMPTY_SHA256, now=now)["authorization"]

    kept = [sign(signer, now) for now in (0.0, day, 0.0)]

    assert kept == [sign(Signer(ACCESS, SECRET, REGION), now) for now in (0.0, day, 0.0)]
    assert kept[0] != kept[1]


class StoppedError(Exception):
    """Raised in place of sending."""


def where_boto3_goes(options: S3Options) -> SplitResult:
    """Return the address of boto3's request for the object `a/b`, which is not sent."""
    config = Config(
        signature_version="s3v4", s3={"addressing_style": options.addressing_style}, retries={"total_max_attempts": 1}
    )
    client = Session(ACCESS, SECRET, region_name=REGION).client("s3", endpoint_url=options.endpoint, config=config)
    asked: list[str] = []

    def stop(request: AWSPreparedRequest, **_: object) -> None:
        asked.append(request.url)
        raise StoppedError

    client.meta.events.register("before-send.s3", stop)
    with pytest.raises(StoppedError):
        client.head_object(Bucket=options.bucket, Key="a/b")
    return urlsplit(asked[0])


@pytest.mark.parametrize("style", ["path", "virtual", "auto"])
@pytest.mark.parametrize("bucket", ["bucket", "my-bucket-7", "with.dots", "Upper", "b_c"])
@pytest.mark.parametrize(
    "endpoint",
    ["https://s3.example.com", "http://s3.example.com:9000", "https://s3.example.com/base", "http://127.0.0.1:8333"],
)
def test_addresses_are_those_of_boto3(endpoint: str, bucket: str, style: AddressingStyle) -> None:
    """Each style leads where the SDK of AWS would go with the same endpoint and bucket."""
    if (endpoint, bucket, style) == ("http://127.0.0.1:8333", "with.dots", "virtual"):
        return  # boto3 makes a name of the address
    options = S3Options(endpoint, ACCESS, SECRET, bucket, addressing_style=style)
    wanted = where_boto3_goes(options)

    address = address_of(options)

    assert (address.host, f"{address.path}/a/b") == (wanted.hostname, wanted.path)
    assert address.port == (wanted.port or (443 if wanted.scheme == "https" else 80))


@pytest.mark.parametrize(
    "endpoint", ["", "s3.example.com", "ftp://s3.example.com", "https://", "https://[::1", "https://ü"]
)
def test_an_endpoint_is_an_http_url(endpoint: str) -> None:
    """What is no URL is a wrong setting, said before anything is sent."""
    with pytest.raises(SettingsError):
        address_of(S3Options(endpoint, ACCESS, SECRET, "bucket"))


@pytest.mark.parametrize("bucket", ["", "a b", "a/b", "../x", "b\n", "ü"])
def test_a_bucket_s_name_is_one_segment(bucket: str) -> None:
    """A name that would change the path is refused and never sent."""
    with pytest.raises(RejectedError):
        address_of(S3Options("https://s3.example.com", ACCESS, SECRET, bucket))


def test_a_proxy_s_password_is_for_the_proxy_only() -> None:
    """User and password of a proxy become its header; other schemes are refused without showing them."""
    proxy = proxy_of("http://user:p%40ss@proxy.example.com:3128")

    assert (proxy.host, proxy.port, proxy.authorization) == ("proxy.example.com", 3128, "Basic dXNlcjpwQHNz")
    with pytest.raises(PublisherError) as caught:
        proxy_of("socks5://user:canary@proxy.example.com")
    assert "canary" not in str(caught.value)
