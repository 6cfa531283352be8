CREATE INDEX jobs_by_approval ON jobs (approval) WHERE approval IS NOT NULL;
