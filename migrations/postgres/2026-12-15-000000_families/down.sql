DROP INDEX jobs_parent;
CREATE INDEX jobs_parent ON jobs (parent);
ALTER TABLE jobs DROP COLUMN ordinal;
ALTER TABLE jobs DROP COLUMN waiting_on;
ALTER TABLE jobs DROP COLUMN children;
