"""The harness: small, always there, the only one in the container that speaks to core. It holds no SDK."""
