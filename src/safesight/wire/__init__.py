"""The chat protocols as they are on the wire, both directions: bytes in, values out, no I/O."""
