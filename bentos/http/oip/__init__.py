"""The Open Inference Protocol, version 2, over HTTP: https://github.com/kserve/open-inference-protocol."""
