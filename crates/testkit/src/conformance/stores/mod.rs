//! What every store does, whatever database it keeps its rows in.
//!
//! Each case wants an empty store. [`store_conformance!`](crate::store_conformance) makes a test
//! of each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod batches;
pub mod callbacks;
pub mod cancel;
pub mod catalogue;
pub mod claim;
pub mod families;
pub mod feature_cache;
pub mod features;
pub mod housekeeping;
pub mod lease;
pub mod liveness;
pub mod outbox;
pub mod progress;
pub mod properties;
pub mod queue;
pub mod submit;
mod support;
pub mod users;

use std::sync::Arc;

use alphafleet_domain::ports::{
    AuditLog, CallbackStore, DatasetStore, ExperimentStore, FeatureCache, FeatureStore, JobStore,
    ModelStore, PassStore, RetentionStore, StrategyStore, UserStore,
};

/// All store ports in one.
pub trait Stores:
    JobStore
    + UserStore
    + StrategyStore
    + ExperimentStore
    + DatasetStore
    + ModelStore
    + AuditLog
    + CallbackStore
    + PassStore
    + RetentionStore
    + FeatureStore
    + FeatureCache
{
}

impl<T> Stores for T where
    T: JobStore
        + UserStore
        + StrategyStore
        + ExperimentStore
        + DatasetStore
        + ModelStore
        + AuditLog
        + CallbackStore
        + PassStore
        + RetentionStore
        + FeatureStore
        + FeatureCache
{
}

/// An empty store under test. Clones share it.
pub type AnyStore = Arc<dyn Stores>;

/// Makes a test of every case. `$fresh` is an async function that answers
/// `Option<(AnyStore, impl Sized)>`: an empty store and what keeps it alive, or `None` to skip.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:path) => {
        $crate::store_conformance! { $fresh;
            submit {
                stores_a_job_as_submitted
                limit_holds_under_racing_submits
                administrators_are_limited_too
                an_ended_job_frees_its_place
                children_do_not_count
                an_unknown_user_is_refused
                a_repeated_request_is_replayed
                racing_repetitions_make_one_job
                abandoned_calls_do_no_harm
                a_refused_statement_changes_nothing
            }
            claim {
                a_claim_starts_an_attempt
                the_best_job_comes_first
                only_due_jobs_of_the_queues_are_claimed
                racing_claimers_never_share_a_job
                an_unregistered_worker_claims_nothing
            }
            lease {
                only_the_current_lease_writes
                settling_twice_is_noticed
                a_completion_leaves_everything_behind
                retries_wait_and_use_up_the_budget
                a_permanent_failure_is_final
                a_release_costs_nothing
            }
            cancel {
                a_pending_job_is_cancelled_at_once
                a_running_job_is_cancelled_by_its_worker
                a_completion_that_came_first_wins
                a_failure_of_a_job_to_be_cancelled_cancels_it
            }
            liveness {
                a_silent_workers_job_expires_only_after_the_window
                a_beating_worker_keeps_its_job
                an_expired_job_to_be_cancelled_is_cancelled
                jobs_of_a_removed_worker_expire
                a_beat_tells_what_is_fenced
                a_job_missing_from_two_beats_is_released
                workers_are_listed_with_their_load
            }
            outbox {
                a_jobs_events_come_in_order
                a_job_has_one_taker_at_a_time
                an_abandoned_lease_runs_out
                racing_takers_never_share_an_entry
            }
            progress {
                progress_and_stages_are_kept
                metrics_are_overwritten_and_limited
                logs_are_searched
                logs_are_capped
                hostile_text_is_kept_readable
            }
            queue {
                a_due_job_is_published_once_for_a_while
                a_retry_is_due_after_its_back_off
                depths_count_by_queue
                jobs_are_filtered_and_paged
                every_name_survives_a_round_trip
            }
            users {
                users_are_kept
                one_first_administrator_wins
            }
            catalogue {
                strategies_are_kept
                someone_elses_strategy_is_not_found
                a_strategy_in_use_stays
                strategies_add_up_their_sessions
                the_best_backtests_of_a_strategy_are_known
                experiments_are_made_once
                versions_have_their_parents
                a_version_follows_the_one_it_names
                models_belong_to_their_owner
                the_audit_log_is_in_order
            }
            batches {
                a_batch_is_submitted_whole_or_not_at_all
                a_batch_of_several_owners_is_refused
                a_key_leads_to_its_job
                an_experiment_is_made_with_its_job
                a_batch_claims_as_single_claims_would
                a_batch_is_settled_each_under_its_own_lease
                racing_batches_never_share_a_job
            }
            families {
                a_family_is_submitted_whole_or_not_at_all
                a_repeated_family_is_replayed
                a_parent_is_passed_over_while_it_waits
                the_last_end_makes_the_parent_due_once
                ends_of_one_batch_are_counted_together
                racing_ends_are_each_counted
                a_failed_child_cancels_its_siblings
                a_retry_of_a_child_is_no_end
                a_child_that_is_lost_for_good_is_counted
                cancelling_a_parent_cancels_its_children
                cancelling_a_child_ends_its_family
                a_running_child_is_cancelled_before_its_siblings
                racing_ends_of_all_kinds_add_up
            }
            callbacks {
                every_end_is_announced_once
                a_retry_is_no_end
                a_callback_is_tried_until_it_is_delivered_or_given_up
            }
            housekeeping {
                a_pass_is_good_once_and_for_a_while
                resources_are_kept_and_limited
                series_of_ended_jobs_are_pruned
                keys_callbacks_and_workers_are_pruned
                files_that_nobody_points_to_are_swept_once
                a_worker_without_a_row_is_told_so
            }
            features {
                features_are_kept
                another_formula_is_another_version
                someone_elses_feature_is_not_found
                a_finished_sync_submits_its_plan
            }
            feature_cache {
                a_column_is_computed_once
                racing_claims_have_one_winner
                a_claim_ends_with_its_lease_or_time
                the_least_recently_used_columns_go
                a_lost_attempt_keeps_nothing
            }
            properties {
                any_sequence_of_calls_is_lawful
            }
        }
    };
    ($fresh:path; $($file:ident { $($case:ident)* })*) => {
        $(mod $file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some((store, _guard)) = $fresh().await {
                    $crate::conformance::stores::$file::$case(store).await;
                }
            })*
        })*
    };
}
