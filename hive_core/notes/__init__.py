"""What each agent says of itself in a sentence, for whoever looks at the hive."""

from hive_core.notes.notes import Note, Notes, read_notes

__all__ = ["Note", "Notes", "read_notes"]
