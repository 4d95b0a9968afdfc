"""The model versions, and which one is champion."""

import os

from registry.command import quiet_while_importing

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow's default is to report its use to its makers
quiet_while_importing()
