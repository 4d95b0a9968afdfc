"""TensorFlow and Keras, imported without their notices, and the settings that make a training repeatable.

from pipelines.model.backend import keras
"""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = 2  # fixed, since the number of threads decides the order of a sum, and that its last bits


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Send file descriptor 2 to /dev/null: TensorFlow writes to it before any setting of its own could stop it."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    sys.stderr.flush()
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


with _without_stderr():
    import keras
    import tensorflow as tf
    from keras.src.random import seed_generator

# At import, since TensorFlow accepts it only before its first operation.
tf.config.threading.set_intra_op_parallelism_threads(THREADS)

__all__ = ["keras", "make_repeatable", "tf"]


def make_repeatable(seed: int) -> None:
    """Seed every random generator and use deterministic operations: the same inputs then train the same weights."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    # Layers draw their seeds from Python's own generator, which other threads of the process may use in the meantime (a
    # Dask worker's do). Keras has no setting for it.
    seed_generator.python_random = random.Random(seed)
