"""systemd on the system bus: jobs, properties, and unit states as they change."""
