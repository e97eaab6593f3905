"""The version, in one place: the build, the command line and every run file read it here."""

__version__ = "0.2.0.dev0"
