"""Stand-ins for parts of the hive that a test does not run."""
