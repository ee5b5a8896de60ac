"""The simple script: what one writes in an afternoon. Reads everything, one artifact after the other.

Usage: python simple.py NAME FILE..., with the settings of `publish` in the environment.
"""

import gzip
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def publish(s3: Any, session: requests.Session, name: str, path: str) -> None:
    key, iv = os.urandom(32), os.urandom(16)
    packed = gzip.compress(Path(path).read_bytes(), 6)
    padder = PKCS7(128).padder()
    padded = padder.update(packed) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    sealed = iv + encryptor.update(padded) + encryptor.finalize()
    object_key, bucket = f"dev/{name}-arm64-1.enc", os.environ["S3_BUCKET"]
    s3.put_object(Bucket=bucket, Key=object_key, Body=sealed)
    row: dict[str, Any] = {"resource_name": name, "dev_stage": "dev", "architecture": "arm64", "version": "1"}
    row |= {"cdn_url": f"{os.environ['S3_ENDPOINT']}/{bucket}/{object_key}", "encryption_key": key.hex()}
    row |= {"sha256": hashlib.sha256(sealed).hexdigest(), "size_bytes": len(sealed)}
    session.post(f"{os.environ['ADMIN_API_URL']}/internal/resources/publish", json=row, timeout=60).raise_for_status()


def main() -> None:
    access: dict[str, Any] = {
        "aws_access_key_id": os.environ["S3_ACCESS_KEY"],
        "aws_secret_access_key": os.environ["S3_SECRET_KEY"],
    }
    plain = Config(s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1", config=plain, **access)
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ['ADMIN_API_TOKEN']}"
    for number, path in enumerate(sys.argv[2:]):
        publish(s3, session, f"{sys.argv[1]}-{number}", path)


if __name__ == "__main__":
    main()
