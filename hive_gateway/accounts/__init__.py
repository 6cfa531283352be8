"""Accounts: what the gateway authenticates with towards the API. Nothing else in a hive has them."""
