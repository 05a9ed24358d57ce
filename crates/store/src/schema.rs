//! The tables, in the types both databases share.

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    users (id) {
        id -> Id,
        username -> Text,
        password_hash -> Text,
        role -> Text,
        max_concurrent_sessions -> BigInt,
        max_websocket_connections -> BigInt,
        trading_enabled -> Bool,
        risk_level -> Text,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    strategies (id) {
        id -> Id,
        owner -> Id,
        name -> Text,
        description -> Text,
        strategy_type -> Text,
        config -> Document,
        created_at -> Moment,
        updated_at -> Moment,
        deleted_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    experiments (id) {
        id -> Id,
        owner -> Id,
        name -> Text,
        notes -> Text,
        tags -> Document,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    datasets (id) {
        id -> Id,
        owner -> Id,
        name -> Text,
        latest -> Nullable<Id>,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment, WallTime};
    use diesel::sql_types::*;

    dataset_versions (id) {
        id -> Id,
        dataset -> Id,
        parent -> Nullable<Id>,
        manifest_key -> Text,
        manifest_sha256 -> Text,
        row_count -> BigInt,
        instrument_count -> BigInt,
        starts -> WallTime,
        ends -> WallTime,
        findings -> Document,
        created_at -> Moment,
        announcements -> Nullable<Document>,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    features (id) {
        id -> Id,
        owner -> Id,
        name -> Text,
        kind -> Text,
        description -> Text,
        tags -> Document,
        frequency -> Text,
        dataset -> Nullable<Text>,
        auto_compute -> Bool,
        version -> BigInt,
        created_at -> Moment,
        updated_at -> Moment,
        deleted_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    feature_versions (feature, version) {
        feature -> Id,
        version -> BigInt,
        formula -> Text,
        fields -> Document,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    feature_cache (cache_key) {
        cache_key -> Text,
        dataset_version -> Id,
        state -> Text,
        object_key -> Nullable<Text>,
        bytes -> BigInt,
        sha256 -> Nullable<Text>,
        lease -> Nullable<Id>,
        lease_expires_at -> Nullable<Moment>,
        created_at -> Moment,
        last_used_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    workers (id) {
        id -> Id,
        host -> Text,
        pid -> BigInt,
        version -> Text,
        queues -> Document,
        slots -> BigInt,
        started_at -> Moment,
        last_seen -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    jobs (id) {
        id -> Id,
        owner -> Id,
        kind -> Text,
        queue -> Text,
        priority -> SmallInt,
        parent -> Nullable<Id>,
        strategy -> Nullable<Id>,
        experiment -> Nullable<Id>,
        dataset_version -> Nullable<Id>,
        spec -> Document,
        limits -> Document,
        retry -> Document,
        state -> Text,
        not_before -> Nullable<Moment>,
        worker -> Nullable<Id>,
        lease -> Nullable<Id>,
        running_since -> Nullable<Moment>,
        cancel_requested -> Bool,
        attempt -> BigInt,
        failures -> BigInt,
        progress -> Document,
        checkpoint -> Nullable<Document>,
        result -> Nullable<Document>,
        failure -> Nullable<Document>,
        created_at -> Moment,
        started_at -> Nullable<Moment>,
        finished_at -> Nullable<Moment>,
        missed_beats -> BigInt,
        publish_after -> Moment,
        publish_wait_ms -> BigInt,
        log_lines -> BigInt,
        callback_url -> Nullable<Text>,
        children -> BigInt,
        waiting_on -> BigInt,
        ordinal -> BigInt,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    job_attempts (lease) {
        lease -> Id,
        job -> Id,
        attempt -> BigInt,
        worker -> Id,
        started_at -> Moment,
        ended_at -> Nullable<Moment>,
        ending -> Nullable<Text>,
        failure -> Nullable<Document>,
        swept_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    job_stages (job, attempt, stage) {
        job -> Id,
        attempt -> BigInt,
        stage -> Text,
        percent -> Double,
        at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    job_metrics (job, name, step) {
        job -> Id,
        name -> Text,
        step -> BigInt,
        value -> Nullable<Double>,
        at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    job_logs (job, line) {
        job -> Id,
        line -> BigInt,
        at -> Moment,
        level -> Text,
        message -> Text,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    job_resources (job, attempt, at) {
        job -> Id,
        attempt -> BigInt,
        at -> Moment,
        cpu_percent -> Double,
        memory_bytes -> BigInt,
        read_bytes -> BigInt,
        written_bytes -> BigInt,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    callbacks (id) {
        id -> BigInt,
        job -> Id,
        url -> Text,
        state -> Text,
        tries -> BigInt,
        due -> Moment,
        last_error -> Nullable<Text>,
        settled_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    passes (hash) {
        hash -> Binary,
        user_id -> Id,
        expires_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Id};
    use diesel::sql_types::*;

    job_artifacts (id) {
        id -> Id,
        job -> Id,
        kind -> Text,
        name -> Text,
        object_key -> Text,
        bytes -> BigInt,
        sha256 -> Text,
    }
}

diesel::table! {
    use crate::values::{Id, WallTime};
    use diesel::sql_types::*;

    best_figures (strategy, figure) {
        strategy -> Id,
        figure -> Text,
        value -> Double,
        session -> Id,
        starts -> WallTime,
        ends -> WallTime,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    models (id) {
        id -> Id,
        owner -> Id,
        session -> Id,
        strategy -> Nullable<Id>,
        dataset_version -> Nullable<Id>,
        model_type -> Text,
        sha256 -> Text,
        metrics -> Document,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    outbox (id) {
        id -> BigInt,
        job -> Id,
        attempt -> BigInt,
        kind -> Text,
        at -> Moment,
        payload -> Document,
        leased_until -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::values::{Id, Moment};
    use diesel::sql_types::*;

    idempotency_keys (owner, idempotency_key) {
        owner -> Id,
        idempotency_key -> Text,
        body_sha256 -> Text,
        job -> Id,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::values::{Document, Id, Moment};
    use diesel::sql_types::*;

    audit_log (id) {
        id -> BigInt,
        at -> Moment,
        user_id -> Nullable<Id>,
        action -> Text,
        target -> Text,
        source -> Nullable<Text>,
        details -> Document,
    }
}

diesel::table! {
    /// Diesel's own book of the migrations applied.
    __diesel_schema_migrations (version) {
        version -> Text,
        run_on -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    users,
    strategies,
    experiments,
    datasets,
    dataset_versions,
    features,
    feature_versions,
    feature_cache,
    workers,
    jobs,
    job_attempts,
    job_stages,
    job_metrics,
    job_logs,
    job_resources,
    job_artifacts,
    callbacks,
    passes,
    models,
    best_figures,
    outbox,
    idempotency_keys,
    audit_log,
);
