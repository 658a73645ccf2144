//! `meshroot get`: lists, one object, or rows as they change.

use std::collections::HashMap;

use futures::StreamExt as _;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use meshroot_api::names::SYSTEM_NAMESPACE;
use meshroot_runtime::kube::watch::Readable;
use meshroot_runtime::process::clock;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use serde_json::Value;

use crate::failure::Failure;
use crate::locate::find;
use crate::output::table::{self, later_row, widths};
use crate::output::{Format, list};
use crate::session::{self, Scope, Session, readable};
use crate::terminal::Terminal;

/// What to get.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// vm, trustpolicy, cluster, mesh, vmcsr, meshtrust or record (and the API's names of these); all of them if left
    /// out
    kind: Option<Kind>,
    /// One object: NAME or NAMESPACE/NAME
    name: Option<String>,
    /// Print rows as they change, until interrupted
    #[arg(short, long, requires = "kind")]
    watch: bool,
}

/// Gets it.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match (asked.kind, &asked.name) {
        (Some(kind), name) if asked.watch => watch(session, kind, name.as_deref(), terminal).await,
        (Some(kind), Some(name)) => {
            let object = find(session, kind, name).await?;
            print(kind, &[object], session.global.output, true, terminal)
        }
        (Some(kind), None) => {
            let scope = scope(session, kind);
            let objects = fetch(session, kind, &scope).await?;
            if objects.is_empty() && session.global.output.is_table() {
                nothing(kind.word(), &scope);
                return Ok(());
            }
            print(kind, &objects, session.global.output, false, terminal)
        }
        (None, _) => overview(session, terminal).await,
    }
}

/// KubernetesClusters live beside the hub; everything else is where kubectl would look.
fn scope(session: &Session, kind: Kind) -> Scope {
    match session.scope() {
        Scope::Namespace(_) if kind == Kind::Cluster && session.global.namespace.is_none() => {
            Scope::Namespace(SYSTEM_NAMESPACE.to_owned())
        }
        scope => scope,
    }
}

async fn fetch(
    session: &Session,
    kind: Kind,
    scope: &Scope,
) -> Result<Vec<DynamicObject>, Failure> {
    let doing = format!("list {} in {scope}", kind.word());
    let api = session.api(kind, scope);
    let mut objects = session::list(&api, &doing, &ListParams::default()).await?;
    // A list leaves kind and apiVersion out of its items.
    let resource = kind.resource();
    for object in &mut objects {
        object.types = Some(kube::api::TypeMeta {
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
        });
    }
    Ok(objects)
}

/// Every kind, each with its title; without -n in all namespaces, since they live in many.
async fn overview(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let scope = session.global.namespace.clone().map_or(Scope::All, Scope::Namespace);
    let format = session.global.output;
    let (now, wide) = (clock::now(), format == Format::Wide);
    let mut everything = Vec::new();
    let mut parts = Vec::new();
    for kind in Kind::ALL {
        let objects = fetch(session, kind, &scope).await?;
        if !objects.is_empty() {
            let rows = kind.table(&objects, now, wide);
            parts.push(format!("{}\n{}", kind.word(), table::text(&rows)));
        }
        everything.extend(objects);
    }
    if !format.is_table() {
        return terminal.print(&format.text(&list(values(&everything)?))?);
    }
    if parts.is_empty() {
        nothing("objects of Meshroot", &scope);
        return Ok(());
    }
    terminal.print(&parts.join("\n"))
}

fn nothing(what: &str, scope: &Scope) {
    let hint = if *scope == Scope::All { "" } else { "; -A looks in all namespaces" };
    eprintln!("no {what} in {scope}{hint}");
}

fn print(
    kind: Kind,
    objects: &[DynamicObject],
    format: Format,
    single: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if format.is_table() {
        return terminal.table(&kind.table(objects, clock::now(), format == Format::Wide));
    }
    let mut values = values(objects)?;
    let value = match values.pop() {
        Some(only) if single => only,
        last => list(values.into_iter().chain(last).collect()),
    };
    terminal.print(&format.text(&value)?)
}

/// Objects as the API has them, but for its book-keeping of who wrote which field, which is not read.
fn values(objects: &[DynamicObject]) -> Result<Vec<Value>, Failure> {
    objects.iter().map(value).collect()
}

/// One object as the API has it.
fn value(object: &DynamicObject) -> Result<Value, Failure> {
    serde_json::to_value(object)
        .map_err(|error| Failure::no(format!("the object cannot be written: {error}")))
}

async fn watch(
    session: &Session,
    kind: Kind,
    name: Option<&str>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (scope, config) = match name {
        None => (scope(session, kind), watcher::Config::default()),
        Some(name) => {
            let object = find(session, kind, name).await?;
            let named =
                format!("metadata.name={}", object.metadata.name.as_deref().unwrap_or_default());
            let namespace = object.metadata.namespace.unwrap_or_default();
            (Scope::Namespace(namespace), watcher::Config::default().fields(&named))
        }
    };
    let mut events = std::pin::pin!(watcher(session.api(kind, &scope), config).default_backoff());
    let mut rows = Rows {
        kind,
        format: session.global.output,
        widths: None,
        first: Vec::new(),
        seen: HashMap::new(),
    };
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => rows.show(event, terminal)?,
            Err(error) => rows.interrupted(&error, &scope)?,
        }
    }
    Ok(())
}

/// Rows that are printed as they change.
struct Rows {
    kind: Kind,
    format: Format,
    /// Of the columns that are on the screen; `None` until there are some.
    widths: Option<Vec<u16>>,
    first: Vec<DynamicObject>,
    /// The version of each object that was shown: a watch that begins anew repeats what is known.
    seen: HashMap<String, Option<String>>,
}

impl Rows {
    fn show(
        &mut self,
        event: Event<Readable<DynamicObject>>,
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        match event {
            Event::InitApply(object) if self.widths.is_none() => {
                self.first.extend(readable(object));
                Ok(())
            }
            Event::InitDone if self.widths.is_none() => self.begin(terminal),
            Event::Init | Event::InitDone => Ok(()),
            Event::InitApply(object) | Event::Apply(object) => {
                readable(object).map_or(Ok(()), |object| self.changed(&object, terminal))
            }
            Event::Delete(object) => {
                readable(object).map_or(Ok(()), |object| self.deleted(&object, terminal))
            }
        }
    }

    fn begin(&mut self, terminal: &mut Terminal) -> Result<(), Failure> {
        let objects = std::mem::take(&mut self.first);
        let table = self.kind.table(&objects, clock::now(), self.format == Format::Wide);
        self.widths = Some(widths(&table));
        if self.format.is_table() {
            terminal.table(&table)?;
        }
        for object in &objects {
            if !self.format.is_table() {
                self.document(object, terminal)?;
            }
            self.remember(object);
        }
        Ok(())
    }

    fn changed(&mut self, object: &DynamicObject, terminal: &mut Terminal) -> Result<(), Failure> {
        if !self.remember(object) {
            return Ok(());
        }
        if !self.format.is_table() {
            return self.document(object, terminal);
        }
        let row = self.kind.row(object, clock::now(), self.format == Format::Wide);
        terminal.print(&later_row(self.widths.as_deref().unwrap_or_default(), &row))
    }

    fn deleted(&mut self, object: &DynamicObject, terminal: &mut Terminal) -> Result<(), Failure> {
        self.seen.remove(&full_name(&object.metadata));
        if !self.format.is_table() {
            return self.document(object, terminal);
        }
        let row = [&object.metadata.namespace, &object.metadata.name]
            .map(|part| part.clone().unwrap_or_default());
        let text = later_row(
            self.widths.as_deref().unwrap_or_default().get(..2).unwrap_or_default(),
            &row,
        );
        terminal.line(format!("{}   deleted", text.trim_end()))
    }

    /// Whether this version is news.
    fn remember(&mut self, object: &DynamicObject) -> bool {
        let version = object.metadata.resource_version.clone();
        self.seen.insert(full_name(&object.metadata), version.clone()) != Some(version)
    }

    fn document(&self, object: &DynamicObject, terminal: &mut Terminal) -> Result<(), Failure> {
        let text = self.format.text(&value(object)?)?;
        terminal.print(&if self.format == Format::Yaml { format!("---\n{text}") } else { text })
    }

    /// Before anything was shown the question has no answer; later a watch that breaks is resumed.
    fn interrupted(&self, error: &watcher::Error, scope: &Scope) -> Result<(), Failure> {
        if self.widths.is_some() {
            eprintln!("watch interrupted, trying again: {error}");
            return Ok(());
        }
        let doing = format!("watch {} in {scope}", self.kind.word());
        Err(match error {
            watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
                Failure::api(&doing, error)
            }
            other => Failure::unreachable(format!("could not {doing}: {other}")).caused_by(other),
        })
    }
}

const AFTER_HELP: &str = "\
Examples:
  meshroot get
  meshroot get vmcsr -A
  meshroot get vmcsr -A --watch
  meshroot get meshtrust -n meshroot-cluster-east -o wide
  meshroot get trustpolicy shop/demo -o yaml";

#[cfg(test)]
mod tests;
