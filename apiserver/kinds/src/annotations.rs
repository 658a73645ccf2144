//! Looks fields up in the tables of owners and strategic merges.

use apiserver_schema::{ListType, MapType, Merge, Schema};
use serde_json::{Map, Value, json};

use crate::annotation_table::{ATOMIC_DEFINITIONS, DEFAULTS, FIELDS, Owners, Row};

const PREFIXES: [&str; 4] = [
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apimachinery.pkg.",
    "io.k8s.api.",
];

fn short(definition: &str) -> &str {
    PREFIXES.iter().find_map(|prefix| definition.strip_prefix(prefix)).unwrap_or(definition)
}

fn row(definition: &str, field: &str) -> Option<&'static Row> {
    let wanted = (short(definition), field);
    let at = FIELDS
        .binary_search_by(|(definition, field, ..)| (*definition, *field).cmp(&wanted))
        .ok()?;
    FIELDS.get(at)
}

fn default(definition: &str, field: &str) -> Option<&'static str> {
    let wanted = (short(definition), field);
    DEFAULTS
        .iter()
        .find(|(definition, field, _)| (*definition, *field) == wanted)
        .map(|(.., value)| *value)
}

fn is_atomic(definition: &str) -> bool {
    ATOMIC_DEFINITIONS.binary_search(&short(definition)).is_ok()
}

/// Writes what the table says of a field into its schema.
pub(crate) fn annotate(definition: &str, field: &str, schema: &mut Schema) {
    if let Some(value) = default(definition, field) {
        schema.default = Some(value.into());
    }
    let Some((_, _, owners, strategy)) = row(definition, field) else { return };
    match owners {
        Owners::Atomic => {}
        Owners::AtomicMap => schema.map_type = MapType::Atomic,
        Owners::Set => schema.list_type = ListType::Set,
        Owners::Keyed(keys) => {
            schema.list_type = ListType::Map(keys.iter().map(|&key| key.to_owned()).collect());
        }
    }
    schema.merge = Merge {
        merge: strategy.merge,
        merge_key: strategy.key.map(str::to_owned),
        retain_keys: strategy.retain_keys,
    };
}

/// Writes what the table says of a whole definition into its schema.
pub(crate) fn annotate_definition(definition: &str, schema: &mut Schema) {
    if is_atomic(definition) {
        schema.map_type = MapType::Atomic;
    }
}

/// Writes what the tables say of a definition into its OpenAPI schema.
pub(crate) fn annotate_openapi(definition: &str, schema: &mut Map<String, Value>) {
    if is_atomic(definition) {
        schema.insert("x-kubernetes-map-type".to_owned(), "atomic".into());
    }
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (field, property) in
        properties.iter_mut().filter_map(|(field, value)| Some((field, value.as_object_mut()?)))
    {
        if let Some(value) = default(definition, field) {
            property.insert("default".to_owned(), value.into());
        }
        if let Some((_, _, owners, strategy)) = row(definition, field) {
            property.extend(owners_extensions(*owners));
            let words = [(strategy.merge, "merge"), (strategy.retain_keys, "retainKeys")];
            let said: Vec<&str> =
                words.iter().filter(|(said, _)| *said).map(|(_, word)| *word).collect();
            if !said.is_empty() {
                property.insert("x-kubernetes-patch-strategy".to_owned(), said.join(",").into());
            }
            property.extend(
                strategy.key.map(|key| ("x-kubernetes-patch-merge-key".to_owned(), key.into())),
            );
        }
    }
}

fn owners_extensions(owners: Owners) -> Vec<(String, Value)> {
    let list_type = |name: &str| ("x-kubernetes-list-type".to_owned(), name.into());
    match owners {
        Owners::Atomic => vec![list_type("atomic")],
        Owners::AtomicMap => vec![("x-kubernetes-map-type".to_owned(), "atomic".into())],
        Owners::Set => vec![list_type("set")],
        Owners::Keyed(keys) => {
            vec![list_type("map"), ("x-kubernetes-list-map-keys".to_owned(), json!(keys))]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_so_that_a_search_finds_every_row() {
        assert!(FIELDS.is_sorted_by_key(|(definition, field, ..)| (*definition, *field)));
        assert!(ATOMIC_DEFINITIONS.is_sorted());
    }

    #[test]
    fn a_field_gets_the_owners_of_the_table() {
        let mut schema = Schema::default();
        annotate("io.k8s.api.core.v1.Container", "env", &mut schema);
        assert_eq!(schema.list_type, ListType::Map(vec!["name".to_owned()]));
        assert_eq!(schema.merge.merge_key.as_deref(), Some("name"));
    }
}
