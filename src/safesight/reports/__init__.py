"""Self-contained reports and the live view."""
