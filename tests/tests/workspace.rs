//! The workspace keeps to its own rules: the crates' arrows, the licences of what they use.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What each crate may depend on, as `crates/ARCHITECTURE.md` says.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("market", &[]),
    ("lightgbm", &[]),
    ("factors", &["market"]),
    ("specs", &["domain", "market", "factors", "backtest"]),
    ("protocol", &["domain", "specs"]),
    ("jobs", &["domain", "protocol", "specs"]),
    ("store", &["domain"]),
    ("broker", &["domain", "protocol"]),
    ("events", &["domain", "protocol"]),
    ("artifacts", &["domain"]),
    ("datasets", &["market", "factors", "artifacts"]),
    ("models", &["specs", "factors", "lightgbm"]),
    ("backtest", &["market", "factors"]),
    ("worker", &["domain", "protocol", "jobs"]),
    (
        "training-worker",
        // Its main alone uses bootstrap.
        &["domain", "worker", "specs", "market", "factors", "datasets", "models", "bootstrap"],
    ),
    (
        "backtest-worker",
        // Bars are made ready as the training makes them; its main alone uses bootstrap.
        &[
            "domain",
            "worker",
            "specs",
            "market",
            "factors",
            "datasets",
            "models",
            "backtest",
            "training-worker",
            "bootstrap",
        ],
    ),
    ("monitoring-worker", &["bootstrap"]),
    ("callbacks", &["domain", "protocol"]),
    ("gateway", &["domain", "protocol", "specs", "jobs", "callbacks"]),
    (
        "bootstrap",
        &[
            "domain",
            "specs",
            "jobs",
            "store",
            "broker",
            "events",
            "artifacts",
            "callbacks",
            "datasets",
            "worker",
            "gateway",
        ],
    ),
];

/// May depend on everything: the binary, and what only tests use.
const FREE: &[&str] = &["cli", "testkit", "tests"];

const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What is built here; crates for other platforms are not even downloaded.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(["--locked", "--offline", "--filter-platform", PLATFORM].map(str::to_owned))
        .exec()
        .unwrap()
}

fn short(package: &str) -> Option<&str> {
    package.strip_prefix("alphafleet-")
}

#[test]
fn crates_depend_only_as_the_architecture_allows() {
    let arrows: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let mut offences = Vec::new();
    for package in metadata().workspace_packages() {
        let from = short(&package.name).expect("a package of ours is named alphafleet-…");
        if FREE.contains(&from) {
            continue;
        }
        let allowed = arrows.get(from).unwrap_or_else(|| panic!("{from} is not in the table"));
        for dependency in &package.dependencies {
            let Some(to) = short(&dependency.name) else { continue };
            let wrong = match dependency.kind {
                DependencyKind::Development => false,
                _ => !allowed.contains(to),
            };
            if wrong {
                offences.push(format!("{from} → {to}"));
            }
        }
    }
    assert!(offences.is_empty(), "arrows that are not allowed: {offences:?}");
}

#[test]
fn every_crate_is_described() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("crates/ARCHITECTURE.md")).unwrap();
    for (name, _) in ARROWS {
        assert!(text.contains(&format!("`{name}`")), "{name} is not in crates/ARCHITECTURE.md");
    }
}

#[test]
fn licences_are_permissive() {
    let mut offences = Vec::new();
    for package in metadata().packages {
        let licence = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let permissive = licence
            .split(" OR ")
            .map(|choice| choice.trim_matches(['(', ')', ' ']))
            .any(|choice| {
                choice
                    .split(" AND ")
                    .all(|part| LICENCES.contains(&part.trim_matches(['(', ')', ' '])))
            });
        if !permissive {
            offences.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    assert!(offences.is_empty(), "licences that are not allowed: {offences:#?}");
}

#[test]
fn pure_crates_know_no_runtime() {
    let runtimes = ["tokio", "actix-web", "reqwest", "diesel", "object_store"];
    for package in metadata().workspace_packages() {
        let name = short(&package.name).unwrap();
        let pure =
            ["domain", "market", "factors", "specs", "lightgbm", "models", "backtest", "protocol"];
        if !pure.contains(&name) {
            continue;
        }
        for dependency in &package.dependencies {
            let normal = dependency.kind == DependencyKind::Normal;
            assert!(
                !(normal && runtimes.contains(&&*dependency.name)),
                "{name} uses {}",
                dependency.name
            );
        }
    }
}
