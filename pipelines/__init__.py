"""The DVC stages: from the raw corpus to registered versions, one verb a module."""

import os

# Read once, when a library is first imported: so here, before any stage can import one.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else TensorFlow opens every stage with a screen of notices
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # validation calls nobody
