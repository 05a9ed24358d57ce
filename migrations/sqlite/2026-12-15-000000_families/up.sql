-- How many children a job was submitted with, and how many of them have not ended: until they have,
-- it is not claimed.
ALTER TABLE jobs ADD COLUMN children BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN waiting_on BIGINT NOT NULL DEFAULT 0;
-- A child's place among its siblings, from 0.
ALTER TABLE jobs ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
DROP INDEX jobs_parent;
CREATE INDEX jobs_parent ON jobs (parent, ordinal);
