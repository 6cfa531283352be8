"""How a turn ended: one pure function, for live turns and for recorded files."""

from hive_agent.classify.classification import Classification, Finding
from hive_agent.classify.evidence import Cancel, TurnEvidence
from hive_agent.classify.rules import classify

__all__ = ["Cancel", "Classification", "Finding", "TurnEvidence", "classify"]
