//! The arrows between the rooms of this repository: "the agent cannot sign" and "the API server
//! knows nothing of Meshroot" are facts of the build. A room is a package's folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each room is built from. `folder/` stands for all rooms of a folder.
const ROOMS: &[(&str, &[&str])] = &[
    // The product.
    ("crates/api", &[]),
    ("crates/pki", &[]),
    ("crates/ca", &["crates/pki"]),
    ("crates/core", &["crates/api", "crates/pki", "cel"]),
    ("crates/runtime", &["crates/api"]),
    ("crates/hub", &["crates/core", "crates/ca", "crates/runtime", "crates/api", "crates/pki"]),
    ("crates/agent", &["crates/core", "crates/runtime", "crates/api", "crates/pki"]),
    // What an agent may do for a mesh is a row in the table of meshes.
    ("crates/manifests", &["crates/core", "crates/api"]),
    ("crates/view", &["crates/core", "crates/api", "crates/pki"]),
    // The story shows a whole installation, and the stranger in it has a root of its own.
    (
        "crates/demo",
        &[
            "apiserver/server",
            "crates/hub",
            "crates/agent",
            "crates/runtime",
            "crates/manifests",
            "crates/view",
            "crates/ca",
            "crates/api",
            "crates/pki",
        ],
    ),
    ("crates/cli", &["crates/", "apiserver/server"]),
    ("cel", &[]),
    // The API server, from its bottom up.
    ("apiserver/object", &[]),
    ("apiserver/schema", &["apiserver/object"]),
    ("apiserver/store", &[]),
    ("apiserver/wire", &[]),
    ("apiserver/patch", &["apiserver/object", "apiserver/schema"]),
    ("apiserver/access", &["apiserver/object"]),
    ("apiserver/kinds", &["apiserver/object", "apiserver/schema"]),
    ("apiserver/rules", &["apiserver/object", "apiserver/schema", "cel"]),
    ("apiserver/server", &["apiserver/"]),
    // Never shipped.
    ("tests/testkit", &["crates/pki"]),
    ("tests/conformance", &["tests/testkit"]),
    // What a soak watches are the product's objects; its meshes have the demo's stand-in for istiod.
    ("tests/e2e", &["tests/testkit", "crates/demo", "crates/api", "crates/pki"]),
    // The planner alone; everything around it is a model.
    ("tests/simulate", &["crates/core"]),
    // The product's processes on embedded servers; control planes sign as the demo's stand-in for istiod does.
    (
        "tests/years",
        &[
            "apiserver/server",
            "crates/agent",
            "crates/api",
            "crates/ca",
            "crates/demo",
            "crates/hub",
            "crates/manifests",
            "crates/pki",
            "crates/runtime",
        ],
    ),
    ("tests/bench", &["tests/testkit"]),
    ("xtask", &[]),
];

/// What these rooms' tests may be built from, beside the room's own and the test kit.
const ROOMS_OF_TESTS: &[(&str, &[&str])] = &[
    // The definitions are held against the types.
    ("crates/api", &["crates/manifests"]),
    ("crates/manifests", &["crates/pki"]),
    // A whole service leads on an API in its own process.
    ("crates/runtime", &["apiserver/server"]),
];

/// In whose tests, as dev-dependencies, only the test kit is allowed in addition.
const TEST_KIT: &str = "tests/testkit";

/// One dependency of a package on another of ours.
#[derive(Debug, PartialEq, Eq)]
struct Arrow {
    from: String,
    to: String,
    /// For tests, examples and benchmarks alone.
    dev: bool,
}

#[test]
fn every_room_is_built_from_what_the_architecture_says() {
    let arrows = arrows();
    let hub =
        |arrow: &&Arrow| (arrow.from.as_str(), arrow.to.as_str()) == ("crates/hub", "crates/ca");
    assert!(arrows.iter().any(|arrow| hub(&arrow)), "no arrow was read: {arrows:?}");
    assert_eq!(violations(&arrows), [""; 0]);
}

#[test]
fn the_table_names_every_room_and_no_other() {
    let rooms = rooms();
    let listed: Vec<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    let missing: Vec<_> = rooms.iter().filter(|room| !listed.contains(room)).collect();
    let gone: Vec<_> = listed.iter().filter(|room| !rooms.contains(room)).collect();
    assert!(missing.is_empty() && gone.is_empty(), "missing {missing:?}, gone {gone:?}");
}

/// Beside the table, which somebody may extend.
#[test]
fn the_language_and_the_api_server_name_nothing_of_the_product() {
    for arrow in arrows() {
        let below = arrow.from.starts_with("apiserver/") || arrow.from == "cel";
        assert!(!(below && arrow.to.starts_with("crates/")), "{arrow:?}");
    }
}

/// Beside the table, which somebody may extend.
#[test]
fn nothing_that_ships_is_built_from_tests() {
    for arrow in arrows().iter().filter(|arrow| !arrow.dev && !arrow.from.starts_with("tests/")) {
        assert!(!arrow.to.starts_with("tests/"), "{arrow:?}");
    }
}

#[test]
fn an_arrow_that_the_architecture_has_not_is_found() {
    for (from, to, dev) in [
        ("crates/agent", "crates/ca", false),
        ("crates/core", "crates/runtime", false),
        ("crates/pki", "crates/api", false),
        ("crates/cli", "tests/testkit", false),
        ("crates/cli", "apiserver/store", false),
        ("crates/hub", "apiserver/server", false),
        ("apiserver/object", "apiserver/schema", false),
        ("apiserver/store", "apiserver/schema", false),
        ("apiserver/schema", "apiserver/patch", false),
        ("apiserver/server", "crates/api", false),
        ("apiserver/server", "crates/api", true),
        ("crates/hub", "tests/e2e", true),
        ("crates/nobody-listed-it", "crates/api", false),
    ] {
        let arrow = Arrow { from: from.to_owned(), to: to.to_owned(), dev };
        assert_eq!(violations(&[arrow]), [format!("{from} must not name {to}")]);
    }
}

/// Each arrow that the table has not, as a sentence.
fn violations(arrows: &[Arrow]) -> Vec<String> {
    let forbidden = arrows.iter().filter(|arrow| !is_allowed(arrow));
    forbidden.map(|arrow| format!("{} must not name {}", arrow.from, arrow.to)).collect()
}

fn is_allowed(arrow: &Arrow) -> bool {
    let named = |table: &[(&str, &[&str])]| {
        let mut row = table.iter().filter(|(room, _)| *room == arrow.from);
        row.any(|(_, targets)| targets.iter().any(|target| covers(target, &arrow.to)))
    };
    named(ROOMS) || arrow.dev && (arrow.to == TEST_KIT || named(ROOMS_OF_TESTS))
}

fn covers(target: &str, room: &str) -> bool {
    target == room || target.ends_with('/') && room.starts_with(target)
}

/// All folders of packages.
fn rooms() -> Vec<String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let manifest =
        |package: &Value| Path::new(package["manifest_path"].as_str().unwrap()).to_owned();
    packages.iter().map(|package| room(manifest(package).parent().unwrap())).collect()
}

fn arrows() -> Vec<Arrow> {
    let metadata = metadata();
    let mut arrows = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let from = room(manifest.parent().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(path) = dependency["path"].as_str() else { continue };
            let dev = dependency["kind"] == "dev";
            arrows.push(Arrow { from: from.clone(), to: room(Path::new(path)), dev });
        }
    }
    arrows
}

/// A package's folder, from the repository's root.
fn room(folder: &Path) -> String {
    folder.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
