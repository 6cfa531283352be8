"""The pages, one module for each part of the dashboard. What they show comes from core, asked anew each time."""

from hive_web.pages.accounts import AccountPages
from hive_web.pages.agent import AgentPages
from hive_web.pages.agent_config import ConfigPages
from hive_web.pages.agent_files import FilePages
from hive_web.pages.approvals import ApprovalPages
from hive_web.pages.dialogue import DialoguePages
from hive_web.pages.egress import EgressPages
from hive_web.pages.hive import HivePages
from hive_web.pages.jobs import JobPages
from hive_web.pages.messages import MessagePages
from hive_web.pages.people import PeoplePages
from hive_web.pages.spending import SpendingPages
from hive_web.pages.system import SystemPages
from hive_web.pages.tombstones import TombstonePages

PAGES = (
    HivePages,
    AgentPages,
    ConfigPages,
    FilePages,
    EgressPages,
    MessagePages,
    DialoguePages,
    ApprovalPages,
    JobPages,
    SpendingPages,
    AccountPages,
    TombstonePages,
    SystemPages,
    PeoplePages,
)
