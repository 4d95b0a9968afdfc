"""The HTTP application: its routes, what they take and answer, and how they fail."""
