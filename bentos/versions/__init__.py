"""The versions that are loaded: where they come from, and which one answers a call."""
