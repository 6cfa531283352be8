"""Session policy: before each turn, whether to go on, to compact first, or to start fresh (docs/session-policy.md)."""
