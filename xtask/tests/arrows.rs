//! The arrows between our crates are those of the architecture: "the agent cannot sign" and "the
//! hub's decisions do no I/O" are facts of the build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on. A crate that is not named here may depend on none of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("meshroot-core", &["meshroot-api", "meshroot-pki"]),
    ("meshroot-ca", &["meshroot-pki"]),
    ("meshroot-runtime", &["meshroot-api"]),
    // The hub and the agent also name the types that core and cluster speak in.
    (
        "meshroot-hub",
        &["meshroot-core", "meshroot-ca", "meshroot-runtime", "meshroot-api", "meshroot-pki"],
    ),
    ("meshroot-agent", &["meshroot-core", "meshroot-pki", "meshroot-runtime", "meshroot-api"]),
    ("apiserver", EMBEDDED_PARTS),
    ("apiserver-access", &["apiserver-schema"]),
    ("apiserver-kinds", &["apiserver-schema"]),
    ("apiserver-patch", &["apiserver-schema"]),
    ("apiserver-rules", &["apiserver-schema"]),
];

/// What the embedded API server is made of.
const EMBEDDED_PARTS: &[&str] = &[
    "apiserver-access",
    "apiserver-kinds",
    "apiserver-patch",
    "apiserver-wire",
    "apiserver-rules",
    "apiserver-schema",
    "apiserver-store",
];

/// What knows Meshroot's own types.
const MESHROOT_TYPES: &[&str] = &[
    "meshroot-api",
    "meshroot-pki",
    "meshroot-ca",
    "meshroot-core",
    "meshroot-runtime",
    "meshroot-hub",
    "meshroot-agent",
];

/// These may depend on any of ours.
const UNRESTRICTED: &[&str] = &["meshroot-cli", "meshroot-testkit"];

/// Programs that drive the product from outside: of ours they use the test kit alone.
const TEST_PROGRAMS: &[&str] = &["meshroot-bench", "meshroot-conformance", "meshroot-e2e"];

/// Never in what users run.
const TESTS_ONLY: &str = "meshroot-testkit";

/// Crate → those of ours that it depends on, in the given kind of dependency.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The arrows that end up in a build: all but dev-dependencies.
fn arrows(metadata: &Value) -> Arrows {
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let built = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let built = dependencies.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        built.map(name).filter(|name| ours.contains(name)).collect()
    };
    packages.iter().map(|package| (name(package), built(package))).collect()
}

/// Each arrow that the architecture has not, as a sentence.
fn violations(arrows: &Arrows) -> Vec<String> {
    let mut violations = Vec::new();
    for (from, targets) in arrows {
        for to in targets.iter().filter(|to| !is_allowed(from, to)) {
            violations.push(format!("{from} must not depend on {to}"));
        }
    }
    violations
}

fn is_allowed(from: &str, to: &str) -> bool {
    if to == TESTS_ONLY {
        return TEST_PROGRAMS.contains(&from);
    }
    let listed = ALLOWED.iter().any(|(name, targets)| *name == from && targets.contains(&to));
    listed || UNRESTRICTED.contains(&from)
}

fn one_arrow(from: &str, to: &str) -> Arrows {
    [(from.to_owned(), [to.to_owned()].into())].into()
}

#[test]
fn our_crates_depend_on_each_other_as_the_architecture_says() {
    let arrows = arrows(&metadata());
    let hub = arrows.get("meshroot-hub").expect("the hub is in the workspace");
    assert!(hub.contains("meshroot-ca"), "no arrow was read: {hub:?}");
    assert_eq!(violations(&arrows), [""; 0]);
}

/// Stands beside the table above, which somebody may extend.
#[test]
fn the_embedded_api_server_knows_no_meshroot_type() {
    let arrows = arrows(&metadata());
    for from in EMBEDDED_PARTS.iter().chain(&["apiserver"]) {
        let targets = arrows.get(*from).unwrap_or_else(|| panic!("{from} is not in the workspace"));
        let known: Vec<_> =
            targets.iter().filter(|to| MESHROOT_TYPES.contains(&to.as_str())).collect();
        assert!(known.is_empty(), "{from} depends on {known:?}");
    }
}

#[test]
fn an_arrow_that_the_architecture_has_not_is_found() {
    for (from, to) in [
        ("meshroot-agent", "meshroot-ca"),
        ("meshroot-core", "meshroot-runtime"),
        ("meshroot-pki", "meshroot-api"),
        ("meshroot-cli", "meshroot-testkit"),
        ("meshroot-hub", "apiserver"),
        ("apiserver-store", "apiserver-schema"),
        ("apiserver-schema", "apiserver-patch"),
        ("apiserver", "meshroot-api"),
        ("a-crate-nobody-listed", "meshroot-api"),
    ] {
        let found = violations(&one_arrow(from, to));
        assert_eq!(found, [format!("{from} must not depend on {to}")]);
    }
}
