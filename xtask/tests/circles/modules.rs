//! The modules of a crate, as its files say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod};

use crate::imports::{self, Import};

/// A path in code, as written: `["super", "write", "Failure"]`.
pub(crate) type Segments = Vec<String>;

/// One module: a file, or a part of one in braces.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// From the crate's root: `["kube", "lease"]`; empty for the root.
    pub(crate) path: Segments,
    /// Names of the modules inside.
    pub(crate) children: BTreeSet<String>,
    /// Names of the items that it defines itself.
    pub(crate) items: BTreeSet<String>,
    /// What `use` brings in.
    pub(crate) imports: Vec<Import>,
    /// Paths in the code beside its imports.
    pub(crate) references: BTreeSet<Segments>,
}

/// Reads a crate from its first file on; code under `#[cfg(test)]` is left out.
pub(crate) fn read(first: &Path) -> BTreeMap<Segments, Module> {
    let mut modules = BTreeMap::new();
    let inside = first.parent().unwrap().to_path_buf();
    read_file(first, &inside, Vec::new(), &mut modules);
    modules
}

fn read_file(file: &Path, inside: &Path, path: Segments, all: &mut BTreeMap<Segments, Module>) {
    let text =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    read_items(&parsed.items, inside, path, all);
}

fn read_items(items: &[Item], inside: &Path, path: Segments, all: &mut BTreeMap<Segments, Module>) {
    let mut module = Module { path: path.clone(), ..Module::default() };
    for item in items.iter().filter(|item| !is_test(attributes(item))) {
        match item {
            Item::Mod(child) => {
                module.children.insert(child.ident.to_string());
                read_child(child, inside, &path, all);
            }
            Item::Use(item) => module.imports.extend(imports::of(item)),
            item => {
                module.items.extend(name(item));
                Collector(&mut module).visit_item(item);
            }
        }
    }
    all.insert(path, module);
}

fn read_child(
    child: &ItemMod,
    inside: &Path,
    path: &Segments,
    all: &mut BTreeMap<Segments, Module>,
) {
    let name = child.ident.to_string();
    let mut path = path.clone();
    path.push(name.clone());
    let below = inside.join(&name);
    match &child.content {
        Some((_, items)) => read_items(items, &below, path, all),
        None => read_file(&file_of(child, inside, &name), &below, path, all),
    }
}

fn file_of(child: &ItemMod, inside: &Path, name: &str) -> PathBuf {
    let paths = child.attrs.iter().filter(|attribute| attribute.path().is_ident("path"));
    assert_eq!(paths.count(), 0, "a #[path] is not followed: {name}");
    let beside = inside.join(format!("{name}.rs"));
    if beside.is_file() { beside } else { inside.join(name).join("mod.rs") }
}

/// Whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Gathers the paths in an item.
struct Collector<'a>(&'a mut Module);

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string());
            self.0.references.insert(segments.collect());
        }
        visit::visit_path(self, path);
    }

    /// A `use` within a function holds there only; what it names counts all the same.
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.0.references.extend(imports::of(item).into_iter().map(|import| import.path));
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.0.references.extend(imports::paths_in(item.tokens.clone()));
        visit::visit_macro(self, item);
    }
}
