"""From the raw corpus to registered versions: each module here is a stage of dvc.yaml or a command of its own."""

import os

from registry.command import quiet_while_importing

# The libraries read these when they are first imported, so they are set here, before a stage can import one.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # without it TensorFlow prints a page of notices in every stage
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # Great Expectations would send usage statistics

quiet_while_importing()
