-- Ids are 16-byte blobs, instants microseconds since 1970 (UTC), documents JSON texts.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('researcher', 'admin')),
    max_concurrent_sessions BIGINT NOT NULL,
    max_websocket_connections BIGINT NOT NULL,
    trading_enabled BOOLEAN NOT NULL DEFAULT 0,
    risk_level TEXT NOT NULL DEFAULT 'low' CHECK (risk_level IN ('low', 'medium', 'high')),
    created_at BIGINT NOT NULL
);

CREATE TABLE strategies (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    config TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Hidden, not gone: its sessions still refer to it.
    deleted_at BIGINT
);
CREATE UNIQUE INDEX strategies_name ON strategies (owner, name) WHERE deleted_at IS NULL;

CREATE TABLE experiments (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE datasets (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    latest BLOB,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE dataset_versions (
    id BLOB NOT NULL PRIMARY KEY,
    dataset BLOB NOT NULL REFERENCES datasets (id),
    parent BLOB REFERENCES dataset_versions (id),
    manifest_key TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    instrument_count BIGINT NOT NULL,
    -- First and last bar, in the market's own time.
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    findings TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX dataset_versions_dataset ON dataset_versions (dataset, created_at);

CREATE TABLE workers (
    id BLOB NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    version TEXT NOT NULL,
    queues TEXT NOT NULL,
    slots BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    -- By the database's clock.
    last_seen BIGINT NOT NULL
);

CREATE TABLE jobs (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    parent BLOB REFERENCES jobs (id),
    strategy BLOB REFERENCES strategies (id),
    experiment BLOB REFERENCES experiments (id),
    dataset_version BLOB REFERENCES dataset_versions (id),
    spec TEXT NOT NULL,
    limits TEXT NOT NULL,
    retry TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    not_before BIGINT,
    worker BLOB,
    lease BLOB UNIQUE,
    running_since BIGINT,
    cancel_requested BOOLEAN NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    progress TEXT NOT NULL,
    checkpoint TEXT,
    result TEXT,
    failure TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    -- Beats in a row in which the worker did not name this job's lease.
    missed_beats BIGINT NOT NULL DEFAULT 0,
    -- When its ticket is to be published (again), and the wait after that.
    publish_after BIGINT NOT NULL,
    publish_wait_ms BIGINT NOT NULL,
    -- Lines ever logged; the newest are kept.
    log_lines BIGINT NOT NULL DEFAULT 0,
    CHECK ((state = 'running') = (lease IS NOT NULL)),
    CHECK ((lease IS NULL) = (worker IS NULL)),
    CHECK ((lease IS NULL) = (running_since IS NULL))
);
CREATE INDEX jobs_claim ON jobs (queue, priority DESC, created_at, id) WHERE state = 'pending';
CREATE INDEX jobs_publish ON jobs (publish_after) WHERE state = 'pending';
CREATE INDEX jobs_running ON jobs (worker) WHERE state = 'running';
CREATE INDEX jobs_owner_state ON jobs (owner, state);
CREATE INDEX jobs_owner_created ON jobs (owner, created_at);
CREATE INDEX jobs_strategy ON jobs (strategy);
CREATE INDEX jobs_experiment ON jobs (experiment);
CREATE INDEX jobs_parent ON jobs (parent);

-- Every claim: its lease, and how it ended.
CREATE TABLE job_attempts (
    lease BLOB NOT NULL PRIMARY KEY,
    job BLOB NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    worker BLOB NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    ending TEXT CHECK (ending IN ('completed', 'failed', 'cancelled', 'released', 'lost')),
    failure TEXT,
    UNIQUE (job, attempt)
);

CREATE TABLE job_stages (
    job BLOB NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    stage TEXT NOT NULL,
    percent DOUBLE NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (job, attempt, stage)
);

CREATE TABLE job_metrics (
    job BLOB NOT NULL REFERENCES jobs (id),
    name TEXT NOT NULL,
    step BIGINT NOT NULL,
    -- NULL is "not a number".
    value DOUBLE,
    at BIGINT NOT NULL,
    PRIMARY KEY (job, name, step)
);
CREATE INDEX job_metrics_newest ON job_metrics (job, at);

CREATE TABLE job_logs (
    job BLOB NOT NULL REFERENCES jobs (id),
    line BIGINT NOT NULL,
    at BIGINT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message TEXT NOT NULL,
    PRIMARY KEY (job, line)
);

CREATE TABLE job_artifacts (
    id BLOB NOT NULL PRIMARY KEY,
    job BLOB NOT NULL REFERENCES jobs (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    object_key TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX job_artifacts_job ON job_artifacts (job);

CREATE TABLE models (
    id BLOB NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    session BLOB NOT NULL UNIQUE REFERENCES jobs (id),
    strategy BLOB REFERENCES strategies (id),
    dataset_version BLOB REFERENCES dataset_versions (id),
    model_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    metrics TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX models_owner ON models (owner, created_at);

CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job BLOB NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    leased_until BIGINT
);
CREATE INDEX outbox_job ON outbox (job, id);

CREATE TABLE idempotency_keys (
    owner BLOB NOT NULL REFERENCES users (id),
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    job BLOB NOT NULL REFERENCES jobs (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
);

CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    user_id BLOB,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    source TEXT,
    details TEXT NOT NULL
);

CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
