"""Artifacts in an S3-compatible bucket."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hpo.artifacts.place import Admit, Write
from hpo.errors import ArtifactError, InputError, MissingArtifactError

# Two attempts and short timeouts, half a minute per request at most, since a training waits. No
# newer checksums: many servers other than Amazon's refuse requests with them.
SETTINGS = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"total_max_attempts": 2, "mode": "standard"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

# Large files are uploaded in parts, one at a time: little memory, and no threads.
TRANSFER = TransferConfig(use_threads=False, preferred_transfer_client="classic")


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Stores each artifact as an object, which S3 shows only when it is complete."""

    client: Any  # boto3 makes its class at run time
    name: str
    prefix: str  # empty, or ends with a slash

    @classmethod
    def reach(cls, name: str, prefix: str) -> "Bucket":
        """Create a client with boto3's own settings; the bucket is not accessed yet.

        Raises:
            InputError: boto3 can't use its settings.
        """
        try:
            client = boto3.Session().client("s3", config=SETTINGS)
        except (BotoCoreError, ValueError) as error:  # ValueError: the endpoint is not a URL
            raise InputError(
                f"HPO_ARTIFACTS: the bucket {name} can't be used: {_one_line(error)}: "
                "set AWS_ENDPOINT_URL_S3, AWS_PROFILE and the like as boto3 wants them"
            ) from error
        return cls(client=client, name=name, prefix=prefix)

    def write(self, key: str, write: Write, admit: Admit) -> None:
        """Store a file, written to an unnamed temporary file first."""
        with self._errors(), tempfile.TemporaryFile() as file:
            write(file)
            size = file.seek(0, 2)
            file.seek(0)
            with admit(size):
                self.client.upload_fileobj(file, self.name, self.prefix + key, Config=TRANSFER)

    def open(self, key: str) -> BinaryIO:
        """Download to an unnamed temporary file, so that nothing can fail while it is read."""
        with self._errors(key):
            answer = self.client.get_object(Bucket=self.name, Key=self.prefix + key)
            file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
            try:
                shutil.copyfileobj(answer["Body"], file, 2**20)
                file.seek(0)
            except BaseException:
                file.close()
                raise
            return file

    def remove(self, key: str) -> int:
        """Delete an object, if it is there; return its size."""
        with self._errors():  # lists it first: a deletion does not return the size
            objects = [found for page in self._pages(key) for found in page]
            same = [found for found in objects if found["Key"] == self.prefix + key]
            for found in same:
                self.client.delete_object(Bucket=self.name, Key=found["Key"])
            return _size(same)

    def forget(self, folder: str) -> int:
        """Delete all objects below a folder, a thousand at a time; return their size."""
        size = 0
        with self._errors():
            for page in self._pages(f"{folder}/"):
                keys = [{"Key": found["Key"]} for found in page]
                answer = self.client.delete_objects(
                    Bucket=self.name, Delete={"Objects": keys, "Quiet": True}
                )
                for error in answer.get("Errors", ()):
                    raise ArtifactError(f"{self}: {error['Key']}: {error.get('Message', 'stays')}")
                size += _size(page)
        return size

    def usage(self) -> int:
        """Add up the bytes of all objects below the prefix."""
        with self._errors():
            return sum(_size(page) for page in self._pages(""))

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    def _pages(self, start: str) -> Iterator[list[dict[str, Any]]]:
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.name, Prefix=self.prefix + start):
            if page.get("Contents"):
                yield page["Contents"]

    @contextmanager
    def _errors(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise MissingArtifactError(f"{self}{key}: there is no such artifact") from error
            raise ArtifactError(f"{self}: {_one_line(error)}") from error
        except (BotoCoreError, Boto3Error, OSError) as error:
            raise ArtifactError(f"{self}: {_one_line(error)}") from error


def _size(page: list[dict[str, Any]]) -> int:
    return sum(found["Size"] for found in page)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
