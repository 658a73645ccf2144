//! No modules of a crate need each other, but a module and its children: whoever reads one file
//! can put the others aside.
//!
//! An arrow is any path in code: a `use`, a type, a call, a path within a
//! macro. It leads to the module that defines the item, not to one that re-exports it. Arrows
//! between a module and the modules inside it do not count, nor does code under `#[cfg(test)]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod graph;
mod imports;
mod modules;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Circles that stay, as `crate: module, module`, each with its reason. ARCHITECTURE.md names them.
const REASONED: &[(&str, &str)] = &[(
    "apiserver_patch: strategic, strategic_list",
    "maps merge lists and lists merge maps: one recursion over two files",
)];

#[test]
fn no_modules_need_each_other_but_those_named_in_the_architecture() {
    let found = circles();
    let allowed = || REASONED.iter().map(|(circle, _)| *circle);
    let new: Vec<_> = found.iter().filter(|circle| !allowed().any(|one| one == *circle)).collect();
    assert!(new.is_empty(), "modules that need each other: {new:#?}");
    let gone: Vec<_> = allowed().filter(|circle| !found.iter().any(|one| one == circle)).collect();
    assert!(gone.is_empty(), "listed here and not there any more: {gone:#?}");
}

#[test]
fn the_architecture_names_each_circle_that_stays() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (circle, reason) in REASONED {
        assert!(!reason.is_empty(), "{circle} has no reason");
        let (_, modules) = circle.split_once(": ").unwrap();
        for module in modules.split(", ") {
            assert!(text.contains(&format!("`{module}`")), "`{module}` of {circle}");
        }
    }
}

/// The circles of all crates of the workspace, sorted. Prints who names whom in them.
fn circles() -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in crates() {
        for circle in graph::circles(&modules::read(&source)) {
            let text = format!("{name}: {}", circle.modules.join(", "));
            println!("{text}");
            for (from, to) in circle.arrows {
                println!("    {from} -> {to}");
            }
            found.push(text);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Name and first file of each library and program.
fn crates() -> Vec<(String, PathBuf)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
    let ours = targets.filter(|target| {
        let kind = target["kind"][0].as_str();
        matches!(kind, Some("lib" | "bin"))
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    ours.map(|target| (text(&target["name"]), text(&target["src_path"]).into())).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
