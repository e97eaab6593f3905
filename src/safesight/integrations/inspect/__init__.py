"""SafeSight inside Inspect (inspect_ai): tasks, scorers, a guarded model provider, and `.eval` logs in and out."""
