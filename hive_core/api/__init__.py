"""Core's sockets: who is calling, whether they may, and which verb answers."""
