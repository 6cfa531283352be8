"""What runs in the sandbox, as `python3 -m hive_core.configs.inside <verb> …`: git, and nothing that decides anything.

Input and output are the standard streams. Exit code 3 is a refusal, with its reason on standard error.
"""

REFUSED = 3
