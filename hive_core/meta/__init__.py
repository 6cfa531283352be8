"""The meta flake: the one flake that pins every agent's configuration, and what they are built from."""
