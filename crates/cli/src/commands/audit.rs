//! `meshroot audit`: what was decided and issued, and whether the records of it are whole.

pub(super) mod ledgers;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use meshroot_api::IssuanceRecord;
use meshroot_core::audit::faults;
use meshroot_core::ledger::digest;
use meshroot_core::membership::Key;
use meshroot_runtime::process::clock;
use meshroot_view::kinds::decided_by;
use meshroot_view::{Table, age};
use serde_json::{Value, json};

use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{Format, json, list};
use crate::plain::plain;
use crate::session::Session;
use crate::terminal::Terminal;
use ledgers::{Checkpoint, Ledger, Ledgers};

/// What to show.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only what was decided within this time, such as 90d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    since: Option<SignedDuration>,
    /// Only of this virtual mesh: NAME or NAMESPACE/NAME
    #[arg(long, value_name = "NAME")]
    virtual_mesh: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that no record was changed, taken away, added or moved
    Verify(Verify),
    /// Print all records as JSON, for `audit verify --file`
    Export,
    /// Print how far each ledger has come, to be kept elsewhere
    Checkpoint,
}

/// What to check, and against what.
#[derive(Debug, clap::Args)]
#[command(after_help = VERIFY_HELP)]
struct Verify {
    /// An export instead of the hub: what `meshroot audit export` printed, or `kubectl get issuancerecords -A -o json`;
    /// `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What `meshroot audit checkpoint` printed earlier; may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

/// Shows, checks or exports.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match &asked.command {
        None => show(&Session::open(global)?, asked, terminal).await,
        Some(Command::Verify(asked)) => verify(global, asked, terminal).await,
        Some(Command::Export) => {
            let ledgers = of_hub_as_json(global).await?;
            terminal.print(&json::text(&list(ledgers.objects()))?)
        }
        Some(Command::Checkpoint) => {
            let ledgers = of_hub_as_json(global).await?;
            let faults = faults_of(&ledgers);
            if let Some((namespace, fault)) = faults.first() {
                return Err(Failure::no(format!(
                    "the ledgers are not whole: {namespace}: {fault}"
                ))
                .fix("meshroot audit verify says all that is wrong"));
            }
            let checkpoint = Checkpoint::of(&ledgers, clock::now());
            terminal.print(&json::text(&checkpoint.to_json())?)
        }
    }
}

/// The ledgers that are meant, for a file that is read again as JSON.
async fn of_hub_as_json(global: &Global) -> Result<Ledgers, Failure> {
    if global.output == Format::Yaml {
        return Err(Failure::usage(
            "it is JSON, which `meshroot audit verify` reads: leave -o yaml out",
        ));
    }
    let ledgers = Ledgers::read(&Session::open(global)?).await?;
    Ok(kept(ledgers, global))
}

/// Those of the namespace that is asked about, if one is.
fn kept(mut ledgers: Ledgers, global: &Global) -> Ledgers {
    if let Some(namespace) = &global.namespace {
        ledgers.keep(namespace);
    }
    ledgers
}

async fn show(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let ledgers = Ledgers::read(session).await?;
    let now = clock::now();
    let since = asked.since.map_or(Timestamp::MIN, |span| now.saturating_sub(span).unwrap_or(now));
    let is_asked = |record: &&IssuanceRecord| {
        let key = virtual_mesh(record);
        let named = asked.virtual_mesh.as_deref();
        let namespace = session.global.namespace.as_ref();
        record.spec.decision.time.0 >= since
            && named.is_none_or(|named| named == key.name || named == key.to_string())
            && namespace.is_none_or(|own| record.metadata.namespace.as_ref() == Some(own))
    };
    let mut records: Vec<&IssuanceRecord> = ledgers.records().filter(is_asked).collect();
    records.sort_by_key(|record| (record.spec.decision.time.0, record.spec.sequence));
    let format = session.global.output;
    if !format.is_table() {
        let items = records.into_iter().map(value).collect();
        return terminal.print(&format.text(&list(items))?);
    }
    let mut table = Table::new(&[
        "TIME",
        "REQUEST",
        "VIRTUAL-MESH",
        "VERDICT",
        "BY",
        "SERIAL",
        "EXPIRES",
        "WHY",
    ]);
    for record in records {
        table.push(row(record));
    }
    terminal.table(&table)
}

fn virtual_mesh(record: &IssuanceRecord) -> Key {
    let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
    Key::resolve(&record.spec.virtual_mesh_ref, namespace)
}

fn row(record: &IssuanceRecord) -> Vec<String> {
    let (spec, prepared) = (&record.spec, record.spec.prepared.as_ref());
    vec![
        spec.decision.time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        plain(&Key::of(record).to_string()).into_owned(),
        plain(&virtual_mesh(record).name).into_owned(),
        format!("{:?}", spec.decision.verdict),
        plain(&decided_by(&spec.decision)).into_owned(),
        prepared.map(|prepared| prepared.serial.clone()).unwrap_or_default(),
        prepared.map(|prepared| age::date(prepared.not_after.0)).unwrap_or_default(),
        plain(&spec.decision.message).into_owned(),
    ]
}

/// A record for programs, with its place and its digest.
fn value(record: &IssuanceRecord) -> Value {
    json!({
        "namespace": record.metadata.namespace, "name": record.metadata.name,
        "record": record.spec, "sha256": digest(&record.spec).to_string(),
    })
}

fn counted(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// All that is wrong, each with the namespace of its ledger.
fn faults_of(ledgers: &Ledgers) -> Vec<(String, String)> {
    let of = |(namespace, ledger): (&String, &Ledger)| {
        let faults = faults(&ledger.places(), &ledger.anchors).into_iter();
        faults.map(|fault| (namespace.clone(), fault.to_string())).collect::<Vec<_>>()
    };
    ledgers.all().flat_map(of).collect()
}

async fn verify(global: &Global, asked: &Verify, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut ledgers = match &asked.file {
        Some(file) => Ledgers::from_file(file)?,
        None => Ledgers::read(&Session::open(global)?).await?,
    };
    for file in &asked.checkpoint {
        ledgers.hold_against(Checkpoint::read(file)?, &file.display().to_string());
    }
    let ledgers = kept(ledgers, global);
    let found = faults_of(&ledgers);
    let count = |(namespace, ledger): (&String, &Ledger)| {
        let faults = found.iter().filter(|(of, _)| of == namespace).count();
        json!({
            "namespace": namespace, "records": ledger.records.len(), "anchors": ledger.anchors.len(), "faults": faults,
        })
    };
    let counts: Vec<Value> = ledgers.all().map(count).collect();
    let records = ledgers.records().count();
    if global.output.is_table() {
        for (namespace, fault) in &found {
            terminal.line(plain(&format!("{namespace}: {fault}")))?;
        }
    } else {
        let faults = found.iter();
        let faults =
            faults.map(|(namespace, fault)| json!({ "namespace": namespace, "fault": fault }));
        let answer = json!({ "ledgers": counts, "faults": faults.collect::<Vec<Value>>() });
        terminal.print(&global.output.text(&answer)?)?;
    }
    let ledgers_looked_at = if counts.len() == 1 { "ledger" } else { "ledgers" };
    let looked_at = format!("{records} records in {} {ledgers_looked_at}", counts.len());
    if !found.is_empty() {
        return Err(Failure::no(format!("{} among {looked_at}", counted(found.len())))
            .fix("find out who can write IssuanceRecords, and hold them against a backup or an earlier export"));
    }
    eprintln!("no fault among {looked_at}");
    let bare = ledgers.all().filter(|(_, ledger)| ledger.anchors.is_empty());
    let bare: Vec<&str> = bare.map(|(namespace, _)| namespace.as_str()).collect();
    if !bare.is_empty() {
        eprintln!(
            "nothing says how far these had come, and whether their end is cut cannot be told: {}",
            bare.join(", ")
        );
    }
    Ok(())
}

const AFTER_HELP: &str = "\
Each decision is a record: which request, on which bytes (digests), by whom or what, and what
was signed. The records of a cluster are a chain; `meshroot audit verify` checks it. What is
signed and by which profile is in -o json.

Examples:
  meshroot audit --since 90d
  meshroot audit --virtual-mesh demo -o json
  meshroot audit verify
  meshroot audit checkpoint > checkpoint-$(date +%F).json";

const VERIFY_HELP: &str = "\
Each record carries the digest of the one before it, and how far a ledger has come stands in a
second place (ConfigMap meshroot-ledger.NAMESPACE of the hub). Whoever can write both can write
a ledger anew: against that hold it against a checkpoint that was kept elsewhere. -n NAMESPACE
keeps to one ledger. Exit code 1 says that something is wrong, and what.

Examples:
  meshroot audit verify
  meshroot audit verify --checkpoint checkpoint-2026-11-01.json
  meshroot audit export > ledger.json
  meshroot audit verify --file ledger.json --checkpoint checkpoint-2026-11-01.json";
