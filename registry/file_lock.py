"""One process at a time: the lock of a file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[int | None]:
    """The lock of a file until the end of the block: the file's descriptor, or None where another process has it.

    The file is made where it is missing, and stays. The lock ends with its process, however that ends, and with those
    that were given the descriptor. Raises OSError.
    """
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()
