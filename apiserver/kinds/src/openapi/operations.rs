//! Paths of a document and what can be done on them.

use apiserver_object::Verb;
use serde_json::{Map, Value, json};

use super::schemas::{DELETE_OPTIONS, PATCH, SCALE, STATUS, TOKEN_REQUEST, list_name};
use super::{group_version_kind, reference};
use crate::kind::Kind;

/// Writes all paths of a kind.
pub(super) fn write(kind: &Kind, paths: &mut Map<String, Value>) {
    let prefix = if kind.group.is_empty() { "/api" } else { "/apis" };
    let root = format!("{prefix}/{}", kind.api_version());
    let plural = &kind.plural;
    let collection = if kind.namespaced {
        format!("{root}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{root}/{plural}")
    };
    let writer = Writer { kind, shape: kind.definition_name() };
    paths.insert(collection.clone(), writer.collection());
    if !kind.is_stored() {
        return;
    }
    if kind.namespaced {
        paths.insert(format!("{root}/{plural}"), writer.everywhere());
    }
    let object = format!("{collection}/{{name}}");
    for (name, item) in writer.subresources() {
        paths.insert(format!("{object}/{name}"), item);
    }
    paths.insert(object, writer.object());
}

struct Writer<'a> {
    kind: &'a Kind,
    shape: String,
}

impl Writer<'_> {
    fn collection(&self) -> Value {
        let mut item = Map::new();
        self.add(
            &mut item,
            "post",
            "post",
            self.operation("create", &self.shape, Some(&self.shape)),
        );
        if self.kind.verbs.contains(&Verb::List) {
            self.add(&mut item, "get", "list", self.operation("list", &list_name(self.kind), None));
        }
        if self.kind.verbs.contains(&Verb::DeleteCollection) {
            self.add(
                &mut item,
                "delete",
                "deletecollection",
                self.operation("deleteCollection", STATUS, None),
            );
        }
        self.finish(item, &["namespace"])
    }

    fn everywhere(&self) -> Value {
        let mut item = Map::new();
        self.add(
            &mut item,
            "get",
            "list",
            self.operation("listForAllNamespaces", &list_name(self.kind), None),
        );
        self.finish(item, &[])
    }

    fn object(&self) -> Value {
        let mut item = self.editable("", &self.shape);
        self.add(
            &mut item,
            "delete",
            "delete",
            self.operation("delete", STATUS, Some(DELETE_OPTIONS)),
        );
        self.finish(item, &["namespace", "name"])
    }

    fn subresources(&self) -> Vec<(&'static str, Value)> {
        let parts = &self.kind.subresources;
        let places = ["namespace", "name"];
        let mut items = Vec::new();
        if parts.status {
            items.push(("status", self.finish(self.editable("Status", &self.shape), &places)));
        }
        if parts.scale.is_some() {
            items.push(("scale", self.finish(self.editable("Scale", SCALE), &places)));
        }
        if parts.token {
            let mut item = Map::new();
            self.add(
                &mut item,
                "post",
                "post",
                self.operation("createToken", TOKEN_REQUEST, Some(TOKEN_REQUEST)),
            );
            items.push(("token", self.finish(item, &places)));
        }
        if parts.finalize {
            let mut item = Map::new();
            self.add(
                &mut item,
                "put",
                "put",
                self.operation("replaceFinalize", &self.shape, Some(&self.shape)),
            );
            items.push(("finalize", self.finish(item, &places)));
        }
        items
    }

    /// `get`, `put` and `patch`.
    fn editable(&self, part: &str, shape: &str) -> Map<String, Value> {
        let mut item = Map::new();
        self.add(&mut item, "get", "get", self.operation(&format!("read{part}"), shape, None));
        self.add(
            &mut item,
            "put",
            "put",
            self.operation(&format!("replace{part}"), shape, Some(shape)),
        );
        let mut patch = self.operation(&format!("patch{part}"), shape, None);
        patch.insert("requestBody".to_owned(), self.patch_body());
        self.add(&mut item, "patch", "patch", patch);
        item
    }

    fn operation(&self, id: &str, answer: &str, body: Option<&str>) -> Map<String, Value> {
        let mut operation = Map::new();
        let package: String = self.kind.api_version().split(['.', '/', '-']).map(capital).collect();
        operation
            .insert("operationId".to_owned(), format!("{id}{package}{}", self.kind.kind).into());
        if let Some(body) = body {
            let body = json!({"content": {"*/*": {"schema": reference(body)}}, "required": body != DELETE_OPTIONS});
            operation.insert("requestBody".to_owned(), body);
        }
        let content = json!({"application/json": {"schema": reference(answer)}});
        operation.insert(
            "responses".to_owned(),
            json!({"200": {"description": "OK", "content": content}}),
        );
        operation
    }

    /// The kinds of patch: a strategic one only for built-in kinds.
    fn patch_body(&self) -> Value {
        let mut forms = vec![
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
        ];
        if !self.kind.custom {
            forms.push("application/strategic-merge-patch+json");
        }
        let content: Map<String, Value> = forms
            .into_iter()
            .map(|form| (form.to_owned(), json!({"schema": reference(PATCH)})))
            .collect();
        json!({"content": content, "required": true})
    }

    fn add(
        &self,
        item: &mut Map<String, Value>,
        method: &str,
        action: &str,
        mut operation: Map<String, Value>,
    ) {
        operation.insert("parameters".to_owned(), parameters(action));
        operation.insert("x-kubernetes-action".to_owned(), action.into());
        let named = group_version_kind(self.kind, &self.kind.kind);
        operation.insert("x-kubernetes-group-version-kind".to_owned(), named);
        item.insert(method.to_owned(), operation.into());
    }

    fn finish(&self, mut item: Map<String, Value>, places: &[&str]) -> Value {
        let shown = places.iter().filter(|place| self.kind.namespaced || **place != "namespace");
        let place = |place: &&str| json!({"name": place, "in": "path", "required": true, "schema": {"type": "string"}});
        item.insert("parameters".to_owned(), shown.map(place).collect());
        item.into()
    }
}

fn capital(word: &str) -> String {
    let mut signs = word.chars();
    signs.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(signs).collect()
}

/// What can be said in a query.
fn parameters(action: &str) -> Value {
    let names: &[(&str, &str)] = match action {
        "post" | "put" => {
            &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")]
        }
        "patch" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
            ("force", "boolean"),
        ],
        "delete" => &[
            ("dryRun", "string"),
            ("gracePeriodSeconds", "integer"),
            ("propagationPolicy", "string"),
        ],
        "list" | "deletecollection" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        _ => &[],
    };
    let entry = |(name, kind): &(&str, &str)| json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}});
    names.iter().map(entry).collect()
}
