"""Who may use the server, and how much: API keys, quotas, rate limits."""
