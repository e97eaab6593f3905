"""The live view: a local web app over run files."""
