-- For the writing connection: what a change of a row touches (hive_core/store/marks.py).

-- What was said never changes; retention deletes the oldest.
CREATE TEMP TRIGGER said AFTER INSERT ON messages
BEGIN SELECT touched('messages', ''); END;
CREATE TEMP TRIGGER unsaid AFTER DELETE ON messages
BEGIN SELECT touched('forgotten messages', ''); END;

CREATE TEMP TRIGGER delivery_made AFTER INSERT ON deliveries
BEGIN SELECT touched('unread', NEW.recipient); END;
CREATE TEMP TRIGGER delivery_moved AFTER UPDATE OF state ON deliveries
WHEN OLD.state <> NEW.state
BEGIN SELECT touched('unread', NEW.recipient); END;
CREATE TEMP TRIGGER delivery_gone AFTER DELETE ON deliveries
WHEN OLD.state = 'ready'
BEGIN SELECT touched('unread', OLD.recipient); END;

CREATE TEMP TRIGGER letter_died AFTER UPDATE ON deliveries
WHEN OLD.state = 'dead' OR NEW.state = 'dead'
BEGIN SELECT touched('letters', ''); END;
CREATE TEMP TRIGGER letter_gone AFTER DELETE ON deliveries
WHEN OLD.state = 'dead'
BEGIN SELECT touched('letters', ''); END;

CREATE TEMP TRIGGER approvals_insert AFTER INSERT ON approvals
BEGIN SELECT touched('approvals', ''); END;
CREATE TEMP TRIGGER approvals_update AFTER UPDATE ON approvals
BEGIN SELECT touched('approvals', ''); END;
CREATE TEMP TRIGGER approvals_delete AFTER DELETE ON approvals
BEGIN SELECT touched('approvals', ''); END;

CREATE TEMP TRIGGER jobs_insert AFTER INSERT ON jobs
BEGIN SELECT touched('jobs', ''); END;
CREATE TEMP TRIGGER jobs_update AFTER UPDATE ON jobs
BEGIN SELECT touched('jobs', ''); END;
CREATE TEMP TRIGGER jobs_delete AFTER DELETE ON jobs
BEGIN SELECT touched('jobs', ''); END;

CREATE TEMP TRIGGER questions_insert AFTER INSERT ON questions
BEGIN SELECT touched('questions', ''); END;
CREATE TEMP TRIGGER questions_update AFTER UPDATE ON questions
BEGIN SELECT touched('questions', ''); END;
CREATE TEMP TRIGGER questions_delete AFTER DELETE ON questions
BEGIN SELECT touched('questions', ''); END;

CREATE TEMP TRIGGER reminders_insert AFTER INSERT ON reminders
BEGIN SELECT touched('reminders', ''); END;
CREATE TEMP TRIGGER reminders_update AFTER UPDATE ON reminders
BEGIN SELECT touched('reminders', ''); END;
CREATE TEMP TRIGGER reminders_delete AFTER DELETE ON reminders
BEGIN SELECT touched('reminders', ''); END;

CREATE TEMP TRIGGER sessions_insert AFTER INSERT ON sessions
BEGIN SELECT touched('sessions', ''), touched('people', ''); END;
CREATE TEMP TRIGGER sessions_update AFTER UPDATE ON sessions
BEGIN SELECT touched('sessions', ''); END;
CREATE TEMP TRIGGER sessions_delete AFTER DELETE ON sessions
BEGIN SELECT touched('sessions', ''), touched('people', ''); END;

-- A session has its operator's role.
CREATE TEMP TRIGGER operators_insert AFTER INSERT ON operators
BEGIN SELECT touched('sessions', ''), touched('people', ''); END;
CREATE TEMP TRIGGER operators_update AFTER UPDATE ON operators
BEGIN SELECT touched('sessions', ''), touched('people', ''); END;
CREATE TEMP TRIGGER operators_delete AFTER DELETE ON operators
BEGIN SELECT touched('sessions', ''), touched('people', ''); END;

CREATE TEMP TRIGGER audit_insert AFTER INSERT ON audit
BEGIN SELECT touched('audit', ''); END;

CREATE TEMP TRIGGER notes_insert AFTER INSERT ON notes
BEGIN SELECT touched('notes', NEW.agent); END;
CREATE TEMP TRIGGER notes_update AFTER UPDATE ON notes
BEGIN SELECT touched('notes', NEW.agent); END;
CREATE TEMP TRIGGER notes_delete AFTER DELETE ON notes
BEGIN SELECT touched('notes', OLD.agent); END;
