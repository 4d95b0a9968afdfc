"""What the follower process tells the workers, in a file that is replaced as a whole."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bentos.versions.catalogue import Catalogue

FILE = "registry.json"
READ_TIMEOUT = 30  # seconds that the follower gives the registry to answer


@dataclass(frozen=True)
class FollowerState:
    """The newest catalogue, when it was read, and why it cannot be read now (empty if it can)."""

    catalogue: Catalogue | None = None
    read_at: datetime | None = None
    problem: str = ""

    def write(self, folder: Path, name: str = FILE) -> None:
        """Replace the file in one step, so that a reader always sees a whole state."""
        plain = {
            "catalogue": self.catalogue and self.catalogue.as_dict(),
            "read_at": self.read_at and self.read_at.isoformat(timespec="seconds"),
            "problem": self.problem,
        }
        new = folder / f"{name}.{os.getpid()}"
        new.write_text(json.dumps(plain))
        new.replace(folder / name)

    @classmethod
    def read(cls, folder: Path, name: str = FILE) -> "FollowerState":
        """Raises FileNotFoundError before the first one."""
        plain: dict[str, Any] = json.loads((folder / name).read_bytes())
        catalogue = plain["catalogue"] and Catalogue.from_dict(plain["catalogue"])
        return cls(catalogue, plain["read_at"] and datetime.fromisoformat(plain["read_at"]), plain["problem"])
