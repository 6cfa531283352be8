"""The pages, one module for each part of the dashboard. What they show comes from core, asked anew each time."""

from hive_web.pages.agent import AgentPages
from hive_web.pages.agent_files import FilePages
from hive_web.pages.approvals import ApprovalPages
from hive_web.pages.dialogue import DialoguePages
from hive_web.pages.hive import HivePages
from hive_web.pages.messages import MessagePages
from hive_web.pages.people import PeoplePages
from hive_web.pages.system import SystemPages

PAGES = (
    HivePages,
    AgentPages,
    FilePages,
    MessagePages,
    DialoguePages,
    ApprovalPages,
    SystemPages,
    PeoplePages,
)
