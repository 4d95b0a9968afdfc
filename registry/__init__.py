"""The model versions, and which one is champion."""

import os

from registry.command import quiet_while_importing

# MLflow and ONNX Runtime report their use to their makers by default, ONNX Runtime from its import on.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
quiet_while_importing()
