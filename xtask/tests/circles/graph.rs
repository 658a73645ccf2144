//! Who needs whom, and the circles in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Module, Segments};

type Modules = BTreeMap<Segments, Module>;
type Arrows<'a> = BTreeMap<&'a Segments, BTreeSet<&'a Segments>>;

/// Re-exports of re-exports are followed so far.
const DEEPEST: usize = 12;

/// Modules that can all reach each other.
#[derive(Debug)]
pub(crate) struct Circle {
    /// Their names, sorted.
    pub(crate) modules: Vec<String>,
    /// Who of them names whom.
    pub(crate) arrows: Vec<(String, String)>,
}

pub(crate) fn circles(modules: &Modules) -> Vec<Circle> {
    let arrows = arrows(modules);
    let reached: BTreeMap<_, _> = arrows.keys().map(|from| (*from, reach(&arrows, from))).collect();
    let mut circles = BTreeSet::new();
    for (from, targets) in &reached {
        let back = targets.iter().filter(|to| reached[*to].contains(from));
        let circle: BTreeSet<&Segments> = back.copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.iter().map(|members| circle(&arrows, members)).collect()
}

fn circle(arrows: &Arrows<'_>, members: &BTreeSet<&Segments>) -> Circle {
    let name = |module: &Segments| module.join("::");
    let within = |from: &Segments| {
        let targets = arrows[from].iter().filter(|to| members.contains(*to));
        targets.map(|to| (name(from), name(to))).collect::<Vec<_>>()
    };
    Circle {
        modules: members.iter().map(|module| name(module)).collect(),
        arrows: members.iter().flat_map(|from| within(from)).collect(),
    }
}

fn reach<'a>(arrows: &Arrows<'a>, from: &'a Segments) -> BTreeSet<&'a Segments> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        open.extend(arrows[module].iter().filter(|to| reached.insert(**to)));
    }
    reached
}

fn arrows(modules: &Modules) -> Arrows<'_> {
    modules.iter().map(|(path, module)| (path, targets(modules, module))).collect()
}

fn targets<'a>(modules: &'a Modules, module: &'a Module) -> BTreeSet<&'a Segments> {
    let imports = module.imports.iter().map(|import| &import.path);
    let paths = imports.chain(&module.references);
    let targets = paths.filter_map(|path| resolve(modules, module, path, DEEPEST));
    let targets = targets.filter(|target| !is_family(&module.path, &target.path));
    targets.map(|target| &target.path).collect()
}

/// A module, and itself or one inside it.
fn is_family(one: &Segments, other: &Segments) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The module that defines what `path`, written in `module`, names; none outside of the crate.
fn resolve<'a>(
    modules: &'a Modules,
    module: &'a Module,
    path: &[String],
    depth: usize,
) -> Option<&'a Module> {
    let (first, rest) = path.split_first()?;
    let depth = depth.checked_sub(1)?;
    match first.as_str() {
        "crate" => descend(modules, &modules[&Segments::new()], rest, depth),
        "self" => descend(modules, module, rest, depth),
        "super" => {
            let above = module.path.split_last()?.1.to_vec();
            // `super::super` goes on from there.
            let target = &modules[&above];
            match rest.first().map(String::as_str) {
                Some("super") => resolve(modules, target, rest, depth),
                _ => descend(modules, target, rest, depth),
            }
        }
        "Self" | "std" | "core" => None,
        name if knows(module, name) => descend(modules, module, path, depth),
        _ => globs(modules, module, path, depth),
    }
}

fn knows(module: &Module, name: &str) -> bool {
    module.children.contains(name)
        || module.items.contains(name)
        || module.imports.iter().any(|import| import.name.as_deref() == Some(name))
}

/// From `module` down `path`, through modules and re-exports.
fn descend<'a>(
    modules: &'a Modules,
    module: &'a Module,
    path: &[String],
    depth: usize,
) -> Option<&'a Module> {
    let Some((first, rest)) = path.split_first() else { return Some(module) };
    if module.children.contains(first) {
        let mut below = module.path.clone();
        below.push(first.clone());
        return descend(modules, &modules[&below], rest, depth);
    }
    if module.items.contains(first) {
        return Some(module);
    }
    let import = module.imports.iter().find(|import| import.name.as_ref() == Some(first));
    let Some(import) = import else { return globs(modules, module, path, depth).or(Some(module)) };
    // A name that is brought in under itself from outside, such as `use kube;`.
    let whole: Segments = import.path.iter().chain(rest).cloned().collect();
    (import.path.first() != Some(first)).then(|| resolve(modules, module, &whole, depth))?
}

/// Through the `use …::*` of a module, to one that knows the name.
fn globs<'a>(
    modules: &'a Modules,
    module: &'a Module,
    path: &[String],
    depth: usize,
) -> Option<&'a Module> {
    let globs = module.imports.iter().filter(|import| import.name.is_none());
    let targets =
        globs.filter_map(|glob| resolve(modules, module, &glob.path, depth.checked_sub(1)?));
    targets
        .filter(|target| target.path != module.path && knows(target, &path[0]))
        .find_map(|target| descend(modules, target, path, depth.checked_sub(1)?))
}
