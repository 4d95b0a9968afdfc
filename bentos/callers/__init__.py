"""Who calls, and how often each may: API keys, the addresses behind proxies, rate limits."""
