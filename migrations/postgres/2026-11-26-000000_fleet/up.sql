ALTER TABLE jobs ADD COLUMN callback_url TEXT;

-- A claim looks at each owner's best pending jobs.
CREATE INDEX jobs_fair ON jobs (queue, owner, priority DESC, created_at, id)
    WHERE state = 'pending';
DROP INDEX jobs_claim;
CREATE INDEX jobs_running_owner ON jobs (owner) WHERE state = 'running';
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE finished_at IS NOT NULL;

ALTER TABLE job_attempts ADD COLUMN swept_at TIMESTAMPTZ;
CREATE INDEX job_attempts_unswept ON job_attempts (ended_at)
    WHERE swept_at IS NULL AND ending <> 'completed';

-- What the process group of an attempt used, about once a second.
CREATE TABLE job_resources (
    job UUID NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    cpu_percent DOUBLE PRECISION NOT NULL,
    memory_bytes BIGINT NOT NULL,
    read_bytes BIGINT NOT NULL,
    written_bytes BIGINT NOT NULL,
    PRIMARY KEY (job, attempt, at)
);

-- Announcements of a job's end to an address its owner gave.
CREATE TABLE callbacks (
    id BIGSERIAL PRIMARY KEY,
    job UUID NOT NULL UNIQUE REFERENCES jobs (id),
    url TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    tries BIGINT NOT NULL DEFAULT 0,
    due TIMESTAMPTZ NOT NULL,
    last_error TEXT,
    settled_at TIMESTAMPTZ
);
CREATE INDEX callbacks_due ON callbacks (due) WHERE state = 'waiting';

-- One-time passes for WebSockets, by their SHA-256.
CREATE TABLE passes (
    hash BYTEA PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX passes_expiry ON passes (expires_at);

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
