"""What a shell expert gets: compress | encrypt | upload, tuned, hashed on its way and registered.

Skipped with a note where a program is missing: `igzip` is in Debian's package `isal`, `aws` in the PyPI package
`awscli`, which needs an environment of its own because it pins the SDK.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AWS_CONFIG = """\
[default]
region = us-east-1
request_checksum_calculation = when_required
response_checksum_validation = when_required
s3 =
  addressing_style = path
  multipart_chunksize = 16MB
  max_concurrent_requests = 4
"""
"""Tuned: no second checksum, larger parts, as many at once as help on two cores."""

LINE = """\
set -o pipefail -e
name=$1 object_key=dev/$1-arm64-1.enc
key=$(openssl rand -hex 32) iv=$(openssl rand -hex 16)
rm -f hash && mkfifo hash
openssl dgst -sha256 -r <hash >sum &
{{ printf "$(sed 's/../\\\\x&/g' <<<"$iv")"; {compress} {source} | openssl enc -aes-256-cbc -K "$key" -iv "$iv"; }} |
  tee hash | {aws} --endpoint-url {S3_ENDPOINT} s3 cp --quiet - s3://{S3_BUCKET}/$object_key
wait
size=$(curl -sfI --aws-sigv4 aws:amz:us-east-1:s3 --user {S3_ACCESS_KEY}:{S3_SECRET_KEY} \\
  {S3_ENDPOINT}/{S3_BUCKET}/$object_key | tr -d '\\r' | sed -n 's/^[Cc]ontent-[Ll]ength: //p')
read -r sum _ <sum
printf '{{"resource_name":"%s","dev_stage":"dev","architecture":"arm64","version":"1","cdn_url":"%s","sha256":"%s",
  "encryption_key":"%s","size_bytes":%s}}' "$name" {S3_ENDPOINT}/{S3_BUCKET}/$object_key "$sum" "$key" "$size" |
  curl -sf -o answer -H 'Authorization: Bearer {ADMIN_API_TOKEN}' -H 'Content-Type: application/json' \\
    --data-binary @- {ADMIN_API_URL}/internal/resources/publish
"""


@dataclass(frozen=True, slots=True)
class ShellPipeline:
    """The line, what it needs in its environment, and what it is called in the table."""

    name: str
    line: str
    environment: Mapping[str, str]

    def command(self, resource_name: str) -> list[str]:
        """Return what publishes the source under this name, which must be a new one."""
        return ["bash", "-c", self.line, "bash", resource_name]


def shell_pipeline(source: Path, *, folder: Path, settings: Mapping[str, str], aws: str | None) -> ShellPipeline | str:
    """Return the best pipeline that can run here, or a sentence why there is none."""
    compressors = (("igzip", "igzip -1 -c"), ("pigz", "pigz -1 -c"))
    compress = next((line for program, line in compressors if shutil.which(program)), None)
    aws = aws or shutil.which("aws")
    missing = [program for program in ("bash", "openssl", "curl") if shutil.which(program) is None]
    missing += [] if compress else ["igzip"]
    missing += [] if aws else ["aws"]
    if missing or not compress or not aws:
        return f"no shell pipeline was measured: {', '.join(missing)} not found"
    config = folder / "aws-config"
    config.write_text(AWS_CONFIG)
    line = LINE.format(
        compress=compress,
        source=shlex.quote(str(source)),
        aws=shlex.quote(aws),
        **settings,
    )
    environment = {
        "AWS_ACCESS_KEY_ID": settings["S3_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": settings["S3_SECRET_KEY"],
        "AWS_CONFIG_FILE": str(config),
    }
    shown = f"{compress.removesuffix(' -c')}, openssl, aws s3 cp"
    return ShellPipeline(shown, line, environment)
