//! Reads the manifests.

use std::path::Path;

use serde_json::Value;

/// All documents of a directory below `deploy`.
pub(crate) fn documents(directory: &str) -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(directory);
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in text.split("\n---\n") {
            documents.push(serde_saphyr::from_str::<Value>(document).unwrap());
        }
    }
    documents
}

/// The document of a kind and name.
pub(crate) fn document(directory: &str, kind: &str, name: &str) -> Value {
    let found = documents(directory)
        .into_iter()
        .find(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}
