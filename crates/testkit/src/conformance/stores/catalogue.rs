//! Strategies, experiments, datasets, models, the audit log.

use alphafleet_domain::job::{Completion, Outcome};
use alphafleet_domain::ports::{Follows, NewDatasetVersion, NewJob, StoreError, StrategyFilter};
use alphafleet_domain::{
    AuditRecord, BestFigure, DatasetId, DatasetVersion, DatasetVersionId, JobKind, ModelId,
    NewBacktest, NewModel, PageRequest, Strategy, StrategyDraft, StrategyId, User, UserId,
    VersionAnnouncements,
};
use chrono::{NaiveDate, TimeDelta};
use serde_json::json;

use super::AnyStore;
use super::support::*;

fn draft(name: &str) -> StrategyDraft {
    StrategyDraft {
        name: name.to_owned(),
        description: "what it is for".to_owned(),
        strategy_type: "lightgbm".to_owned(),
        config: json!({ "model": { "num_leaves": 210, "rate": 0.05 } }),
    }
}

async fn create(store: &AnyStore, owner: &User, name: &str) -> Strategy {
    let at = now();
    let strategy = Strategy {
        id: StrategyId::new(),
        owner: owner.id,
        draft: draft(name),
        created_at: at,
        updated_at: at,
    };
    let made = store.create_strategy(strategy.clone(), audit("strategy.create")).await.unwrap();
    assert_eq!(made, strategy);
    made
}

fn all(owner: &User) -> StrategyFilter {
    StrategyFilter { owner: owner.id, strategy_type: None, active: None }
}

pub async fn strategies_are_kept(store: AnyStore) {
    let owner = user(&store, 3).await;
    let first = create(&store, &owner, "first").await;
    let second = create(&store, &owner, "second").await;
    assert_eq!(store.strategy(owner.id, first.id).await.unwrap().unwrap().strategy, first);
    let twin = Strategy { id: StrategyId::new(), ..first.clone() };
    let twin = store.create_strategy(twin, audit("strategy.create")).await;
    assert!(matches!(twin, Err(StoreError::Conflict { what: "strategy", .. })), "{twin:?}");
    let taken =
        store.update_strategy(owner.id, second.id, draft("first"), audit("strategy.update")).await;
    assert!(matches!(taken, Err(StoreError::Conflict { what: "strategy", .. })), "{taken:?}");

    let changed = StrategyDraft { strategy_type: "ridge".to_owned(), ..draft("renamed") };
    let updated = store
        .update_strategy(owner.id, second.id, changed.clone(), audit("strategy.update"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((updated.draft, updated.created_at), (changed, second.created_at));
    let page = store.strategies(&all(&owner), PageRequest::new(1, 0)).await.unwrap();
    assert_eq!((page.total, page.items[0].strategy.id), (2, second.id), "newest first");
    let ridge = StrategyFilter { strategy_type: Some("ridge".to_owned()), ..all(&owner) };
    assert_eq!(store.strategies(&ridge, PageRequest::default()).await.unwrap().total, 1);

    assert!(store.delete_strategy(owner.id, first.id, audit("strategy.delete")).await.unwrap());
    assert!(!store.delete_strategy(owner.id, first.id, audit("strategy.delete")).await.unwrap());
    assert_eq!(store.strategy(owner.id, first.id).await.unwrap(), None);
    let again = store.update_strategy(owner.id, first.id, draft("x"), audit("strategy.update"));
    assert_eq!(again.await.unwrap(), None);
    create(&store, &owner, "first").await;
}

pub async fn someone_elses_strategy_is_not_found(store: AnyStore) {
    let (owner, other) = (user(&store, 3).await, user(&store, 3).await);
    let strategy = create(&store, &owner, "mine").await;
    assert_eq!(store.strategy(other.id, strategy.id).await.unwrap(), None);
    let update =
        store.update_strategy(other.id, strategy.id, draft("theirs"), audit("strategy.update"));
    assert_eq!(update.await.unwrap(), None);
    assert!(!store.delete_strategy(other.id, strategy.id, audit("no")).await.unwrap());
    assert_eq!(store.strategies(&all(&other), PageRequest::default()).await.unwrap().total, 0);
    assert_eq!(store.strategy(owner.id, strategy.id).await.unwrap().unwrap().strategy, strategy);
    create(&store, &other, "mine").await;
    let changes = audited(&store).await;
    assert!(
        !changes.contains(&"no".to_owned()) && !changes.contains(&"strategy.update".to_owned())
    );
}

fn session(owner: &User, strategy: &Strategy) -> NewJob {
    NewJob { strategy: Some(strategy.id), ..probe(owner) }
}

pub async fn a_strategy_in_use_stays(store: AnyStore) {
    let owner = user(&store, 3).await;
    let strategy = create(&store, &owner, "busy").await;
    let job = submit(&store, session(&owner, &strategy)).await;
    let refused = store.delete_strategy(owner.id, strategy.id, audit("strategy.delete")).await;
    assert!(matches!(refused, Err(StoreError::InUse { what: "strategy", .. })), "{refused:?}");
    store.request_cancel(job.id, audit("session.stop")).await.unwrap();
    assert!(store.delete_strategy(owner.id, strategy.id, audit("x")).await.unwrap());
    assert_eq!(store.job(job.id).await.unwrap().unwrap().strategy, Some(strategy.id));
}

pub async fn strategies_add_up_their_sessions(store: AnyStore) {
    let owner = user(&store, 9).await;
    let busy = create(&store, &owner, "busy").await;
    let idle = create(&store, &owner, "idle").await;
    submit(&store, session(&owner, &busy)).await;
    let training =
        NewJob { strategy: Some(busy.id), ..NewJob::new(owner.id, JobKind::Training, json!({})) };
    let training = submit(&store, training).await;
    store.request_cancel(training.id, audit("session.stop")).await.unwrap();
    let summary = store.strategy(owner.id, busy.id).await.unwrap().unwrap();
    let counts = (summary.active_sessions, summary.total_sessions, summary.training_count);
    assert_eq!(counts, (1, 2, 1));
    assert_eq!(summary.last_training_at, Some(training.created_at));
    for (active, expected) in [(true, busy.id), (false, idle.id)] {
        let filter = StrategyFilter { active: Some(active), ..all(&owner) };
        let page = store.strategies(&filter, PageRequest::default()).await.unwrap();
        assert_eq!((page.total, page.items[0].strategy.id), (1, expected));
    }
}

pub async fn the_best_backtests_of_a_strategy_are_known(store: AnyStore) {
    let owner = user(&store, 9).await;
    let worker = worker(&store).await;
    let strategy = create(&store, &owner, "tried").await;
    let other = create(&store, &owner, "other").await;
    let day = |year| NaiveDate::from_ymd_opt(year, 3, 1).unwrap();
    let mut sessions = Vec::new();
    for (year, out_of_sample, total_return, sharpe) in [
        (2011, true, 0.1, Some(0.5)),
        (2012, true, 0.3, None),
        (2013, true, -0.2, Some(1.5)),
        (2014, true, 0.3, Some(1.5)),
        (2015, false, 9.9, Some(9.9)),
    ] {
        let job = submit(&store, session(&owner, &strategy)).await;
        let (_, lease) = claim(&store, worker).await;
        let (start, end) = (day(year), day(year + 1));
        let backtest = NewBacktest { start, end, out_of_sample, total_return, sharpe };
        let completion = Completion { backtest: Some(backtest), ..Completion::default() };
        settled(&store, lease, Outcome::Completed(completion)).await;
        sessions.push(job.id);
    }
    let best = |value, year: i32, at: usize| {
        let (start, end) = (day(year), day(year + 1));
        Some(BestFigure { value, session: sessions[at], start, end })
    };
    let summary = store.strategy(owner.id, strategy.id).await.unwrap().unwrap();
    assert_eq!(summary.best_return, best(0.3, 2012, 1), "the first of equals");
    assert_eq!(summary.best_sharpe, best(1.5, 2013, 2));
    let page = store.strategies(&all(&owner), PageRequest::default()).await.unwrap();
    let untried = page.items.iter().find(|item| item.strategy.id == other.id).unwrap();
    assert_eq!((untried.best_return, untried.best_sharpe), (None, None));
}

pub async fn experiments_are_made_once(store: AnyStore) {
    let (owner, other) = (user(&store, 9).await, user(&store, 9).await);
    let racing: Vec<_> = (0..10)
        .map(|_| {
            let (store, owner) = (store.clone(), owner.id);
            tokio::spawn(async move { store.ensure_experiment(owner, "alpha", now()).await })
        })
        .collect();
    let mut made = Vec::new();
    for ensure in racing {
        made.push(ensure.await.unwrap().unwrap());
    }
    assert!(made.iter().all(|experiment| *experiment == made[0]));
    let alpha = made.remove(0);
    assert_eq!((alpha.owner, alpha.name.as_str()), (owner.id, "alpha"));
    assert_eq!(store.experiment(owner.id, alpha.id).await.unwrap().as_ref(), Some(&alpha));
    assert_eq!(store.experiment(other.id, alpha.id).await.unwrap(), None);
    let theirs = store.ensure_experiment(other.id, "alpha", now()).await.unwrap();
    assert_ne!(theirs.id, alpha.id);
    let later = now() + TimeDelta::seconds(1);
    let beta = store.ensure_experiment(owner.id, "beta", later).await.unwrap();
    let page = store.experiments(owner.id, PageRequest::default()).await.unwrap();
    assert_eq!((page.total, page.items), (2, vec![beta.clone(), alpha]));
    let in_beta = NewJob { experiment: Some(beta.id), ..probe(&owner) };
    submit(&store, in_beta).await;
    let filter =
        alphafleet_domain::ports::JobFilter { experiment: Some(beta.id), ..Default::default() };
    assert_eq!(store.jobs(&filter, PageRequest::default()).await.unwrap().total, 1);
}

fn new_version(owner: UserId, name: &str, rows: u64) -> NewDatasetVersion {
    let dataset = DatasetId::new();
    let day = |day| NaiveDate::from_ymd_opt(2017, 1, day).unwrap().and_hms_opt(9, 30, 0).unwrap();
    NewDatasetVersion {
        owner,
        dataset_name: name.to_owned(),
        dataset,
        version: DatasetVersion {
            id: DatasetVersionId::new(),
            dataset,
            parent: None,
            manifest_key: "datasets/x/manifest.json".to_owned(),
            manifest_sha256: "ef".repeat(32),
            rows,
            instruments: 505,
            start: day(1),
            end: day(31),
            findings: json!([{ "kind": "duplicate_rows", "rows": 3 }]),
            announcements: Some(VersionAnnouncements {
                fields: vec!["eps_a".to_owned(), "roe_q".to_owned()],
                rows: 12,
                instruments: 500,
                start: day(2).date(),
                end: day(30).date(),
                sha256: "ab".repeat(32),
            }),
            created_at: now() + TimeDelta::milliseconds(rows as i64),
        },
        follows: Follows::Newest,
    }
}

pub async fn versions_have_their_parents(store: AnyStore) {
    let (owner, other) = (user(&store, 9).await, user(&store, 9).await);
    let new = new_version(owner.id, "sp500", 1);
    let added = store.add_version(new.clone(), audit("dataset.import")).await.unwrap();
    let (dataset, first) = added;
    assert_eq!(
        (dataset.id, dataset.owner, dataset.name.as_str()),
        (new.dataset, owner.id, "sp500")
    );
    assert_eq!(first, new.version);
    let next = new_version(owner.id, "sp500", 2);
    let (same, second) = store.add_version(next, audit("dataset.import")).await.unwrap();
    assert_eq!(same, dataset);
    assert_eq!((second.dataset, second.parent), (dataset.id, Some(first.id)));
    assert_eq!(store.versions(dataset.id).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(store.version(first.id).await.unwrap(), Some(first));
    assert_eq!(store.version(DatasetVersionId::new()).await.unwrap(), None);

    assert_eq!(store.dataset(owner.id, dataset.id).await.unwrap().as_ref(), Some(&dataset));
    assert_eq!(store.dataset(other.id, dataset.id).await.unwrap(), None);
    assert_eq!(store.dataset_named(owner.id, "sp500").await.unwrap().as_ref(), Some(&dataset));
    assert_eq!(store.dataset_named(other.id, "sp500").await.unwrap(), None);
    let theirs = new_version(other.id, "sp500", 3);
    let (theirs, only) = store.add_version(theirs, audit("dataset.import")).await.unwrap();
    assert_ne!(theirs.id, dataset.id);
    assert_eq!(only.parent, None);
    let page = store.datasets(owner.id, PageRequest::default()).await.unwrap();
    assert_eq!((page.total, page.items), (1, vec![(dataset, second.clone())]));
    let trained = NewJob { dataset_version: Some(second.id), ..probe(&owner) };
    assert_eq!(submit(&store, trained).await.dataset_version, Some(second.id));
}

/// Who takes over files of the version before is told when there is another one by now.
pub async fn a_version_follows_the_one_it_names(store: AnyStore) {
    let owner = user(&store, 9).await;
    let add = async |parent: Option<DatasetVersionId>, rows| {
        let mut new = new_version(owner.id, "followed", rows);
        (new.version.parent, new.follows) = (parent, Follows::ItsParent);
        new.version.announcements = None;
        store.add_version(new, audit("dataset.import")).await
    };
    let (dataset, first) = add(None, 1).await.unwrap();
    assert_eq!((first.parent, first.announcements), (None, None));
    let (_, second) = add(Some(first.id), 2).await.unwrap();
    for outdated in [None, Some(first.id), Some(DatasetVersionId::new())] {
        let refused = add(outdated, 3).await;
        let what = "dataset version";
        assert!(
            matches!(&refused, Err(StoreError::Conflict { what: w, .. }) if *w == what),
            "{refused:?}"
        );
    }
    assert_eq!(store.versions(dataset.id).await.unwrap().len(), 2);
    add(Some(second.id), 3).await.unwrap();
}

pub async fn models_belong_to_their_owner(store: AnyStore) {
    let (owner, other) = (user(&store, 9).await, user(&store, 9).await);
    let worker = worker(&store).await;
    let strategy = create(&store, &owner, "s").await;
    let mut sessions = Vec::new();
    for model_type in ["lightgbm", "ridge"] {
        let session = submit(&store, session(&owner, &strategy)).await;
        let (_, lease) = claim(&store, worker).await;
        let model = NewModel {
            model_type: model_type.to_owned(),
            sha256: String::new(),
            metrics: json!({}),
        };
        let completion = Completion { model: Some(model), ..Completion::default() };
        settled(&store, lease, Outcome::Completed(completion)).await;
        sessions.push(session.id);
    }
    let page = store.models(owner.id, PageRequest::new(1, 0)).await.unwrap();
    assert_eq!(page.total, 2);
    let newest = &page.items[0];
    assert_eq!((newest.session, newest.strategy), (sessions[1], Some(strategy.id)));
    assert_eq!(store.model(owner.id, newest.id).await.unwrap().as_ref(), Some(newest));
    assert_eq!(store.model(other.id, newest.id).await.unwrap(), None);
    assert_eq!(store.model(owner.id, ModelId::new()).await.unwrap(), None);
    assert_eq!(store.models(other.id, PageRequest::default()).await.unwrap().total, 0);
}

pub async fn the_audit_log_is_in_order(store: AnyStore) {
    let record = |n: u32| AuditRecord {
        user: Some(UserId::new()),
        source: None,
        details: json!({ "n": n, "why": "wrong password" }),
        ..audit("login.failed")
    };
    let records: Vec<_> = (0..5).map(record).collect();
    for record in &records {
        store.append_audit(record.clone()).await.unwrap();
    }
    let page = store.audit(PageRequest::new(2, 1)).await.unwrap();
    assert_eq!(page.total, 5);
    assert_eq!(page.items, [records[3].clone(), records[2].clone()], "newest first");
}
