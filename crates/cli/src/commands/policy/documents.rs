//! Files of YAML or JSON: their documents, lists taken apart.

use std::io::Read as _;
use std::path::Path;

use meshroot_api::TrustPolicy;
use meshroot_core::rules::{Fault, Rules};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// A document, and where it stands.
pub(super) struct Document {
    pub(super) place: String,
    pub(super) value: Value,
}

impl Document {
    /// The kind of a Kubernetes object; empty for anything else.
    pub(super) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        T::deserialize(&self.value).map_err(|error| Failure::no(format!("{}: {error}", self.place)))
    }
}

/// All documents of a file; `-` is standard input.
pub(super) fn of(file: &Path) -> Result<Vec<Document>, Failure> {
    let name = file.display();
    let text = text(file).map_err(|error| Failure::no(format!("cannot read {name}: {error}")))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
        .map_err(|error| Failure::no(format!("{name} is neither YAML nor JSON: {error}")))?;
    let mut all = Vec::new();
    for (number, value) in (1..).zip(documents) {
        let place = format!("{name}, document {number}");
        match value.get("items").and_then(Value::as_array) {
            Some(items) => all.extend((1..).zip(items).map(|(number, item)| Document {
                place: format!("{place}, item {number}"),
                value: item.clone(),
            })),
            None if value.is_null() => {}
            None => all.push(Document { place, value }),
        }
    }
    Ok(all)
}

fn text(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The first TrustPolicy: a request comes with the one that is in force.
pub(super) fn policy(documents: &[Document]) -> Result<TrustPolicy, Failure> {
    let found = documents.iter().find(|document| document.kind() == "TrustPolicy");
    let found = found.ok_or_else(|| {
        Failure::usage("no TrustPolicy is in the files").fix("give one with: -f policy.yaml")
    })?;
    found.read()
}

/// Its rules, compiled.
pub(super) fn rules(policy: &TrustPolicy) -> Result<Rules, Failure> {
    Rules::compile(&policy.spec.approval.rules).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
        Failure::no(format!("the rules cannot be used:\n{}", lines.join("\n")))
            .fix("people are asked about every request until all rules are right")
    })
}
