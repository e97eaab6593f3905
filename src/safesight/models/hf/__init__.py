"""Transformers checkpoints in this process."""
