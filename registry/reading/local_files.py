"""Where the files of a version are, if its URI names a folder of this machine."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname


def local_path(uri: str) -> Path | None:
    """The folder, as MLflow takes it; None for a URI that MLflow has to resolve, such as `s3:` or `models:`.

    Of a `file:` URI, MLflow decodes the folders on the way and not the last name, so a last name that is encoded is
    left to it; and so is a path that could be read in two ways.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or parts.netloc or parts.query or parts.fragment:
        return None
    name = parts.path.rstrip("/").rpartition("/")[2]
    if not parts.path.startswith("/") or "%" in (name if parts.scheme else parts.path):
        return None
    return Path(url2pathname(parts.path))
