"""The model versions that are loaded, and how they follow the registry."""
