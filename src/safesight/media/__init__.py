"""Images: opened within one limit, shrunk, and read by OCR."""
