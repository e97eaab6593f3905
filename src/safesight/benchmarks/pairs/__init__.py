"""Pairs of multi-image requests that differ in one image, made from a seed: the items of `verifiable`."""
