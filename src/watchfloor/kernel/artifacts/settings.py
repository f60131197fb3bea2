"""What an operator can set about stored files: `WATCHFLOOR_ARTIFACTS_*`."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from watchfloor.kernel.settings import kernel_settings, read_settings


class PlaceName(StrEnum):
    """Where sealed bytes can lie."""

    POSTGRES = "postgres"
    DIRECTORY = "directory"
    S3 = "s3"


class ArtifactSettings(BaseModel):
    """Where new files go; those of before stay readable where they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: PlaceName | None = Field(
        None,
        description="where new files are stored, sealed; empty: directory on an embedded floor, postgres with a database of your own. "
        "Older files stay where they are and are read from there",
    )
    directory: Path | None = Field(
        None,
        description="directory of stored files, on a disk that all processes share; by default artifacts in the data directory. "
        "Move the files along when you change it",
    )
    s3_bucket: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", description="bucket of stored files. Copy the objects when you change it"
    )
    s3_prefix: str = Field(
        "watchfloor", pattern=r"^[A-Za-z0-9._/-]{0,200}$", description="what the objects' names begin with in the bucket"
    )
    s3_endpoint: str | None = Field(
        None, pattern=r"^https?://[^\s/]+(/[^\s]*)?$", description="address of an S3-compatible store; empty: that of AWS in the region"
    )
    s3_region: str | None = Field(None, description="region of the bucket; empty: AWS_REGION, else us-east-1")
    s3_access_key_id: SecretStr | None = Field(
        None, description="access key; empty: AWS_ACCESS_KEY_ID, a web identity, or the role of the container or machine"
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="the access key's secret; empty: AWS_SECRET_ACCESS_KEY")

    def folder(self) -> Path:
        """Return the directory of stored files."""
        return self.directory or kernel_settings().data_dir / "artifacts"

    def chosen(self) -> PlaceName:
        """Return where new files go: a disk of our own serves an embedded floor, other machines share only the database."""
        return self.place or (PlaceName.POSTGRES if kernel_settings().database_url else PlaceName.DIRECTORY)


@cache
def artifact_settings() -> ArtifactSettings:
    """Return this process's settings of stored files; read from the environment at the first call."""
    return read_settings(ArtifactSettings, "artifacts")
