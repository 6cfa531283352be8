"""Running programs on what an agent has written: as the user `hive-build`, in a unit that can do nothing else."""
