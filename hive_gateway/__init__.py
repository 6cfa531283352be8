"""hive-gateway: the agents' only way out. It holds the keys, speaks to the model's API, and has the stand-in model."""
