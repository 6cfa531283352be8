"""Carrying out what was decided: how each kind of job is done, and how it is taken back when it does not work."""
