"""Interactive logins: Claude Code's own, run in a place of its own that is thrown away afterwards."""
