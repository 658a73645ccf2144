//! Writes what follows from the Rust types: `deploy/crds`, `deploy/policies`, `deploy/rbac`, `deploy/monitoring`,
//! `docs/reference/api.md` and `docs/reference/metrics.md`. With `--check` it writes nothing and fails where a file differs.

mod deploy;
mod markdown;
mod metrics;
mod reference;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use tree::Tree;

const COMMAND: &str = "cargo xtask generate";

fn main() -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = tree()?;
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => {
            tree.write(&root)?;
            Ok(ExitCode::SUCCESS)
        }
        [flag] if flag == "--check" => Ok(report(&tree.differences(&root)?)),
        other => bail!("unknown arguments {other:?}; there is only --check"),
    }
}

fn tree() -> Result<Tree> {
    let mut tree = Tree::default();
    deploy::add(&mut tree)?;
    tree.add("docs/reference/api.md", reference::render()?);
    tree.add("docs/reference/metrics.md", metrics::render());
    Ok(tree)
}

fn report(differences: &[String]) -> ExitCode {
    if differences.is_empty() {
        return ExitCode::SUCCESS;
    }
    for difference in differences {
        eprintln!("{difference}");
    }
    eprintln!("generated files differ from what the Rust types give; run `{COMMAND}`");
    ExitCode::FAILURE
}
