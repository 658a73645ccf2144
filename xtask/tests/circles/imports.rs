//! What a `use` brings in, and paths in tokens that nobody parses.

use proc_macro2::{TokenStream, TokenTree};
use syn::{ItemUse, UseTree};

use crate::modules::Segments;

/// One name that a `use` brings in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The name in this module; none for `*`.
    pub(crate) name: Option<String>,
    pub(crate) path: Segments,
}

pub(crate) fn of(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    if item.leading_colon.is_some() {
        return imports;
    }
    collect(&item.tree, &mut Vec::new(), &mut imports);
    imports
}

fn collect(tree: &UseTree, path: &mut Segments, imports: &mut Vec<Import>) {
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            collect(&tree.tree, path, imports);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, imports)),
        UseTree::Glob(_) => imports.push(Import { name: None, path: path.clone() }),
        UseTree::Name(tree) => imports.push(named(path, &tree.ident.to_string(), None)),
        UseTree::Rename(tree) => {
            let name = tree.rename.to_string();
            imports.push(named(path, &tree.ident.to_string(), Some(name)));
        }
    }
}

/// `self` in braces is the path before it.
fn named(path: &[String], last: &str, rename: Option<String>) -> Import {
    let mut path = path.to_vec();
    if last != "self" {
        path.push(last.to_owned());
    }
    Import { name: rename.or_else(|| path.last().cloned()), path }
}

/// Paths of two or more segments among the tokens of a macro.
pub(crate) fn paths_in(tokens: TokenStream) -> Vec<Segments> {
    let (mut paths, mut path) = (Vec::new(), Segments::new());
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if colons == 2 || path.is_empty() => {
                path.push(ident.to_string());
            }
            TokenTree::Ident(ident) => finish(&mut path, &mut paths, Some(ident.to_string())),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                colons += 1;
                continue;
            }
            TokenTree::Group(group) => {
                finish(&mut path, &mut paths, None);
                paths.extend(paths_in(group.stream()));
            }
            _ => finish(&mut path, &mut paths, None),
        }
        colons = 0;
    }
    finish(&mut path, &mut paths, None);
    paths
}

fn finish(path: &mut Segments, paths: &mut Vec<Segments>, next: Option<String>) {
    let path = std::mem::replace(path, next.into_iter().collect());
    if path.len() > 1 {
        paths.push(path);
    }
}
