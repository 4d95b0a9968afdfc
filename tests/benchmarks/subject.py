"""A subject of a comparison in a process of its own, which keeps what it has loaded from one round to the next.

So TensorFlow's threads and its memory are nobody else's, and one subject can wait while another is measured.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


@contextmanager
def subject() -> Iterator[Call]:
    """A process that lives during the block: `call(function, *arguments)` runs a module's function in it and waits.

    What the function raises is raised here. A function that loads something is cached by functools, so that the next
    call in this process finds it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def peak() -> float:
    """The most memory that this process has had resident, in MB (1,000,000 bytes)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6
