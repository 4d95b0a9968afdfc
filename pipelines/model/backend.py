"""TensorFlow and Keras, imported without their notices, and the settings that make a training repeatable.

from pipelines.model.backend import keras
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = 2  # fixed: how a sum is cut over threads decides its last bits


@contextmanager
def _silent() -> Iterator[None]:
    """Send file descriptor 2 nowhere: TensorFlow writes to it before any setting of its own could stop it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    sys.stderr.flush()
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _silent():
    import keras
    import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(
    THREADS
)  # here: TensorFlow takes it before its first operation only

__all__ = ["keras", "make_repeatable"]


def make_repeatable(seed: int) -> None:
    """Seed everything and let no operation depend on timing: the same inputs then train the same weights."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
