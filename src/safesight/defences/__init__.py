"""Defences: what stands between a model and its runner, found by name."""
