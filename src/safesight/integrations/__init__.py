"""SafeSight as a plug in other people's programs, one module a program, each over the public `Guard`.

A module imports its program at its top, so it is imported only by who runs that program; nothing below imports any.
"""
