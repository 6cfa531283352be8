"""`hive up` and `hive down`: the hive host as a container of its own, with a real systemd and the real units in it."""
