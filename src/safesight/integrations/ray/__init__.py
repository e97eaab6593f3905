"""Ray: a run's models and judges as replicas on a cluster (`--engine ray`), the guard as a Ray Serve deployment.

The runner stays what it is, one process that reads samples, bounds what is in flight and writes the run file; only who
answers is elsewhere. So a cluster's run is resumed, limited and read like a local one (docs/adr/0008-ray.md).
"""
