"""The tools that the model has for the hive, served inside the runner as an MCP server.

They are calls to the harness, which acts for the turn that runs. Each is described in one place: its name, what is
said of it, and the model of its arguments, from which its schema comes.
"""

from hive_agent.tools.server import server
from hive_agent.tools.tool import Harness

__all__ = ["Harness", "server"]
