"""Metering: what each answer used, what that costs, and whether there is still something to spend."""
