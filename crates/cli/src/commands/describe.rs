//! `meshroot describe`: everything about one object, and what happened to it.

mod difference;
mod events;
mod mesh;
mod request;
mod virtual_mesh;

use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use meshroot_runtime::kube::write::{Failure as ApiFailure, classify};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::kinds::Kind;
use crate::locate::parse;
use crate::output::{Sheet, list};
use crate::patience::patiently;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to describe.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// vm, vmcsr or mesh
    kind: Kind,
    /// NAME or NAMESPACE/NAME
    name: String,
}

/// A description, and the objects that it was made from.
struct Description {
    sheet: Sheet,
    objects: Vec<Value>,
}

/// Describes it.
pub async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let kind = asked.kind;
    if !matches!(kind, Kind::Request | Kind::VirtualMesh | Kind::Mesh) {
        return Err(Failure::usage(format!(
            "{} cannot be described; vm, vmcsr and mesh can",
            kind.word()
        ))
        .fix(format!(
            "see all of it with: meshroot get {} {} -o yaml",
            kind.word(),
            asked.name
        )));
    }
    let object = crate::locate::find(session, kind, &asked.name).await?;
    let metadata = object.metadata.clone();
    let mut description = match kind {
        Kind::Request => request::describe(session, parse(kind, object)?).await?,
        Kind::VirtualMesh => virtual_mesh::describe(session, parse(kind, object)?).await?,
        _ => mesh::describe(session, parse(kind, object)?).await?,
    };
    if !session.global.output.is_table() {
        return terminal.print(&session.global.output.text(&list(description.objects))?);
    }
    events::add(session, &metadata, &mut description.sheet).await;
    terminal.print(description.sheet.text())
}

/// Reads an object that may not be there, or that the reader may not see: then less is told.
async fn optional<K>(session: &Session, namespace: &str, name: &str) -> Result<Option<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    if namespace.is_empty() || name.is_empty() {
        return Ok(None);
    }
    match patiently(async || {
        Api::<K>::namespaced(session.client.clone(), namespace).get_opt(name).await
    })
    .await
    {
        Ok(object) => Ok(object),
        Err(error)
            if matches!(
                classify(&error),
                ApiFailure::Forbidden(_) | ApiFailure::NotFound { .. }
            ) =>
        {
            Ok(None)
        }
        Err(error) => {
            Err(Failure::api(&format!("read {} {namespace}/{name}", K::kind(&())), &error))
        }
    }
}

/// An object for `-o json`, without the book-keeping of who wrote which field.
fn shown(object: &impl Serialize) -> Option<Value> {
    let mut value = serde_json::to_value(object).ok()?;
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Some(value)
}

const AFTER_HELP: &str = "\
Examples:
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot describe vm demo
  meshroot describe mesh meshroot-cluster-east/istio-istio-system-east";
