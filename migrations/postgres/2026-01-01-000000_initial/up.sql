CREATE TABLE users (
    id UUID PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('researcher', 'admin')),
    max_concurrent_sessions BIGINT NOT NULL,
    max_websocket_connections BIGINT NOT NULL,
    trading_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    risk_level TEXT NOT NULL DEFAULT 'low' CHECK (risk_level IN ('low', 'medium', 'high')),
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE strategies (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    config JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    -- Hidden, not gone: its sessions still refer to it.
    deleted_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX strategies_name ON strategies (owner, name) WHERE deleted_at IS NULL;

CREATE TABLE experiments (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    tags JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE datasets (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    latest UUID,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE dataset_versions (
    id UUID PRIMARY KEY,
    dataset UUID NOT NULL REFERENCES datasets (id),
    parent UUID REFERENCES dataset_versions (id),
    manifest_key TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    instrument_count BIGINT NOT NULL,
    -- First and last bar, in the market's own time.
    starts TIMESTAMP NOT NULL,
    ends TIMESTAMP NOT NULL,
    findings JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX dataset_versions_dataset ON dataset_versions (dataset, created_at);

CREATE TABLE workers (
    id UUID PRIMARY KEY,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    version TEXT NOT NULL,
    queues JSONB NOT NULL,
    slots BIGINT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    -- By the database's clock.
    last_seen TIMESTAMPTZ NOT NULL
);

CREATE TABLE jobs (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    parent UUID REFERENCES jobs (id),
    strategy UUID REFERENCES strategies (id),
    experiment UUID REFERENCES experiments (id),
    dataset_version UUID REFERENCES dataset_versions (id),
    spec JSONB NOT NULL,
    limits JSONB NOT NULL,
    retry JSONB NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    not_before TIMESTAMPTZ,
    worker UUID,
    lease UUID UNIQUE,
    running_since TIMESTAMPTZ,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    progress JSONB NOT NULL,
    checkpoint JSONB,
    result JSONB,
    failure JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    -- Beats in a row in which the worker did not name this job's lease.
    missed_beats BIGINT NOT NULL DEFAULT 0,
    -- When its ticket is to be published (again), and the wait after that.
    publish_after TIMESTAMPTZ NOT NULL,
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
    lease UUID PRIMARY KEY,
    job UUID NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    worker UUID NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    ending TEXT CHECK (ending IN ('completed', 'failed', 'cancelled', 'released', 'lost')),
    failure JSONB,
    UNIQUE (job, attempt)
);

CREATE TABLE job_stages (
    job UUID NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    stage TEXT NOT NULL,
    percent DOUBLE PRECISION NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job, attempt, stage)
);

CREATE TABLE job_metrics (
    job UUID NOT NULL REFERENCES jobs (id),
    name TEXT NOT NULL,
    step BIGINT NOT NULL,
    -- NULL is "not a number".
    value DOUBLE PRECISION,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job, name, step)
);
CREATE INDEX job_metrics_newest ON job_metrics (job, at);

CREATE TABLE job_logs (
    job UUID NOT NULL REFERENCES jobs (id),
    line BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message TEXT NOT NULL,
    PRIMARY KEY (job, line)
);

CREATE TABLE job_artifacts (
    id UUID PRIMARY KEY,
    job UUID NOT NULL REFERENCES jobs (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    object_key TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX job_artifacts_job ON job_artifacts (job);

CREATE TABLE models (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES users (id),
    session UUID NOT NULL UNIQUE REFERENCES jobs (id),
    strategy UUID REFERENCES strategies (id),
    dataset_version UUID REFERENCES dataset_versions (id),
    model_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    metrics JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX models_owner ON models (owner, created_at);

CREATE TABLE outbox (
    id BIGSERIAL PRIMARY KEY,
    job UUID NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    payload JSONB NOT NULL,
    leased_until TIMESTAMPTZ
);
CREATE INDEX outbox_job ON outbox (job, id);

CREATE TABLE idempotency_keys (
    owner UUID NOT NULL REFERENCES users (id),
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    job UUID NOT NULL REFERENCES jobs (id),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
);

CREATE TABLE audit_log (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    user_id UUID,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    source TEXT,
    details JSONB NOT NULL
);

CREATE FUNCTION audit_log_is_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
