"""Questions: asked of an operator or an agent, each with one definite end."""

from hive_core.questions.questions import QuestionPolicy, Questions

__all__ = ["QuestionPolicy", "Questions"]
