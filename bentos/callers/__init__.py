"""Who may call, how often, and how many at once."""
