-- For the writing connection: what a change of a row touches (hive_core/store/marks.py).

CREATE TEMP TRIGGER events_insert AFTER INSERT ON events
BEGIN SELECT touched('events', NEW.agent); END;
CREATE TEMP TRIGGER events_delete AFTER DELETE ON events
BEGIN SELECT touched('events', OLD.agent); END;

CREATE TEMP TRIGGER turns_insert AFTER INSERT ON turns
BEGIN SELECT touched('turns', NEW.agent); END;
CREATE TEMP TRIGGER turns_update AFTER UPDATE ON turns
BEGIN SELECT touched('turns', NEW.agent); END;
CREATE TEMP TRIGGER turns_delete AFTER DELETE ON turns
BEGIN SELECT touched('turns', OLD.agent); END;
