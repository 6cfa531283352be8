"""Agent containers: how a root is filled, what is bound into it, and the `container@` unit that runs it."""
