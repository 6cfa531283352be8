"""What runs in the sandbox, as `python3 -m hive_core.meta.inside <verb> …`: Nix, as a client of the machine's daemon.

Standard input is an order, standard output its answer, both JSON. Standard error is Nix's own log, line by line.
"""
