"""What every process needs exactly once: subprocesses, the clock, ids, logging, paths and the skeleton root."""
