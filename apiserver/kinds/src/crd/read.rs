//! Reads a CustomResourceDefinition.

use std::sync::Arc;

use apiserver_object::FieldError;
use apiserver_schema::Schema;
use serde_json::Value;

use super::places::Places;
use crate::kind::{CUSTOM, Column, Kind, NameRule, Scale, Source, Subresources};
use crate::path::Path;
use crate::reading::Reading;

/// The served versions of a CustomResourceDefinition, as kinds. The definition has defaults and is valid
/// ([`crate::validate_crd`]).
///
/// # Errors
/// The faults of a version's schema, if it cannot be read.
pub fn from_crd(crd: &Value) -> Result<Vec<Kind>, Vec<FieldError>> {
    let versions = crd.entries(&["spec", "versions"]);
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let places = Places::of(versions);
    let storage = versions
        .iter()
        .find(|version| version.flag(&["storage"]))
        .map_or("", |version| version.text(&["name"]));
    let served = versions.iter().enumerate().filter(|(_, version)| version.flag(&["served"]));
    served
        .map(|(at, version)| {
            let path =
                places.schema(at).unwrap_or_else(|| "spec.validation.openAPIV3Schema".to_owned());
            kind(crd, version, storage, &path)
        })
        .collect()
}

fn kind(crd: &Value, version: &Value, storage: &str, path: &str) -> Result<Kind, Vec<FieldError>> {
    let name = |field: &str| -> Arc<str> { crd.text(&["spec", "names", field]).into() };
    let names =
        |field: &str| crd.texts(&["spec", "names", field]).into_iter().map(Arc::from).collect();
    let group = crd.text(&["spec", "group"]);
    let openapi = version
        .at(&["schema", "openAPIV3Schema"])
        .cloned()
        .unwrap_or_else(|| serde_json::json!({}));
    let schema = Schema::from_openapi(&openapi, path)?;
    let fields = version.entries(&["selectableFields"]).iter();
    Ok(Kind {
        group: group.into(),
        version: version.text(&["name"]).into(),
        kind: name("kind"),
        list_kind: name("listKind"),
        plural: name("plural"),
        singular: name("singular"),
        short_names: names("shortNames"),
        categories: names("categories"),
        namespaced: crd.text(&["spec", "scope"]) == "Namespaced",
        storage_collection: format!("{group}/{}", name("plural")).into(),
        verbs: CUSTOM,
        subresources: subresources(version),
        columns: columns(version),
        selectable_fields: fields
            .map(|field| field.text(&["jsonPath"]).trim_start_matches('.').to_owned())
            .collect(),
        generation: true,
        name_rule: NameRule::Subdomain,
        storage_version: storage.into(),
        custom: true,
        deprecation: deprecation(version, group, &name("kind")),
        source: Source::Custom { schema: Arc::new(schema), openapi: Arc::new(openapi) },
    })
}

fn deprecation(version: &Value, group: &str, kind: &str) -> Option<Arc<str>> {
    let said = version.text(&["deprecationWarning"]);
    match (version.flag(&["deprecated"]), said) {
        (false, _) => None,
        (true, "") => {
            Some(format!("{group}/{} {kind} is deprecated", version.text(&["name"])).into())
        }
        (true, said) => Some(said.into()),
    }
}

fn subresources(version: &Value) -> Subresources {
    let scale = version.at(&["subresources", "scale"]).map(|scale| Scale {
        spec_replicas_path: scale.text(&["specReplicasPath"]).to_owned(),
        status_replicas_path: scale.text(&["statusReplicasPath"]).to_owned(),
        label_selector_path: scale
            .at(&["labelSelectorPath"])
            .and_then(Value::as_str)
            .map(str::to_owned),
    });
    Subresources {
        status: version.at(&["subresources", "status"]).is_some(),
        scale,
        ..Subresources::default()
    }
}

fn columns(version: &Value) -> Vec<Column> {
    let written = version.entries(&["additionalPrinterColumns"]);
    if written.is_empty() {
        let path = ".metadata.creationTimestamp";
        return vec![column("Age", "date", "", "", 0, path)];
    }
    let columns = written.iter().map(|entry| {
        let priority = entry.integer(&["priority"]).unwrap_or(0);
        let (name, kind, format) =
            (entry.text(&["name"]), entry.text(&["type"]), entry.text(&["format"]));
        column(
            name,
            kind,
            format,
            entry.text(&["description"]),
            priority,
            entry.text(&["jsonPath"]),
        )
    });
    columns.collect()
}

fn column(
    name: &str,
    kind: &str,
    format: &str,
    description: &str,
    priority: i64,
    json_path: &str,
) -> Column {
    Column {
        name: name.to_owned(),
        kind: kind.to_owned(),
        format: format.to_owned(),
        description: description.to_owned(),
        priority,
        json_path: json_path.to_owned(),
        path: Path::read(json_path),
    }
}
