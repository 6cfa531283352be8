"""A reason to refuse what was handed in, for whoever handed it in."""


class Refusal(Exception):  # noqa: N818 - it is the answer, not a failure
    pass
