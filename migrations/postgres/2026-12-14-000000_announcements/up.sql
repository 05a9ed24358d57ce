-- What a version has of announcements by period: fields, counts, days, checksum. NULL where it has none.
ALTER TABLE dataset_versions ADD COLUMN announcements JSONB;
