"""The registry: one row for each agent, in core's database."""


class Registry:
    """Takes the database."""
