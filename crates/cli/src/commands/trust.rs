//! `meshroot trust`: who verifies whom, now and after the next step.

use meshroot_api::VirtualMesh;
use meshroot_core::rotation::Pair;
use meshroot_view::Table;
use meshroot_view::kinds::Kind;
use serde_json::{Value, json};

use super::rotate::gather::Gathered;
use crate::failure::Failure;
use crate::locate::find_as;
use crate::output::list;
use crate::session::Session;
use crate::terminal::Terminal;

/// Whose trust to show.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Virtual mesh: NAME or NAMESPACE/NAME
    virtual_mesh: String,
}

/// Shows who verifies whom; says no where somebody does not.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let found = find_as::<VirtualMesh>(session, Kind::VirtualMesh, &asked.virtual_mesh).await?;
    let gathered = Gathered::read(session, found).await?;
    let pairs = gathered.current(None)?.pairs();
    let format = session.global.output;
    if format.is_table() {
        let mut table = Table::new(&["VERIFIER", "OF", "NOW", "AFTER-NEXT-STEP", "WHY"]);
        for pair in &pairs {
            table.push(vec![
                names(&pair.by),
                names(&pair.of),
                word(pair.now),
                word(pair.next),
                pair.why.clone(),
            ]);
        }
        terminal.table(&table)?;
    } else {
        let items = pairs.iter().map(value).collect();
        terminal.print(&format.text(&list(items))?)?;
    }
    match pairs.iter().filter(|pair| !pair.now).count() {
        0 => Ok(()),
        failing => {
            Err(Failure::no(format!("{failing} of {} pairs do not verify each other", pairs.len())))
        }
    }
}

fn names(meshes: &[meshroot_core::membership::Key]) -> String {
    let names: Vec<&str> = meshes.iter().map(|mesh| mesh.name.as_str()).collect();
    match names.as_slice() {
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        all => all.join(", "),
    }
}

fn word(is_so: bool) -> String {
    if is_so { "yes" } else { "NO" }.to_owned()
}

fn value(pair: &Pair) -> Value {
    let keys = |meshes: &[meshroot_core::membership::Key]| {
        meshes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    json!({ "verifiers": keys(&pair.by), "of": keys(&pair.of), "now": pair.now, "afterNextStep": pair.next, "why": pair.why })
}

const AFTER_HELP: &str = "\
Members that have the same are one line. What they have is what they were told, and what workloads
may still have of what was told before.

Example:
  meshroot trust demo";
