"""The HTTP client: an endpoint with its key, what can go wrong, and when to ask again."""
