-- Users' own named formulas.
CREATE TABLE features (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    frequency TEXT NOT NULL,
    -- By name: a feature may be there before its data.
    dataset TEXT,
    auto_compute BOOLEAN NOT NULL DEFAULT 0,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX features_name ON features (owner, name) WHERE deleted_at IS NULL;
CREATE INDEX features_auto ON features (owner, dataset) WHERE auto_compute AND deleted_at IS NULL;

-- Every formula a feature has had; never changed.
CREATE TABLE feature_versions (
    feature BLOB NOT NULL REFERENCES features (id),
    version BIGINT NOT NULL,
    formula TEXT NOT NULL,
    fields TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (feature, version)
);

-- Computed columns in object storage, and who computes what is not there yet.
CREATE TABLE feature_cache (
    cache_key TEXT NOT NULL PRIMARY KEY,
    dataset_version BLOB NOT NULL REFERENCES dataset_versions (id),
    state TEXT NOT NULL CHECK (state IN ('computing', 'ready')),
    object_key TEXT,
    bytes BIGINT NOT NULL DEFAULT 0,
    sha256 TEXT,
    -- Of the attempt that computes it.
    lease BLOB,
    lease_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    CHECK ((state = 'ready') = (object_key IS NOT NULL)),
    CHECK ((state = 'ready') = (sha256 IS NOT NULL)),
    CHECK ((state = 'computing') = (lease IS NOT NULL)),
    CHECK ((lease IS NULL) = (lease_expires_at IS NULL))
);
CREATE INDEX feature_cache_used ON feature_cache (last_used_at) WHERE state = 'ready';
CREATE INDEX feature_cache_version ON feature_cache (dataset_version);
