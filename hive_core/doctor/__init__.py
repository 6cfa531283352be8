"""What can be wrong with a hive, and what to do about it."""
