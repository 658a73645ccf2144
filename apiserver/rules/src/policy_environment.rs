//! What the expressions of a policy see.

use std::sync::{Arc, LazyLock};

use cel_language::{Environment, ObjectType, Type};
use serde_json::{Map, Value as Json, json};

use crate::admission::Admission;
use crate::functions::{functions, mutation_functions};

/// Positions of the globals in a policy's environment.
pub(crate) const OBJECT: usize = 0;
pub(crate) const OLD_OBJECT: usize = 1;
pub(crate) const REQUEST: usize = 2;
pub(crate) const NAMESPACE: usize = 3;
pub(crate) const VARIABLES: usize = 4;
pub(crate) const AUTHORIZER: usize = 5;
pub(crate) const REQUEST_RESOURCE: usize = 6;

/// The environment, with the types of the variables so far. `rights`: expressions may ask the authorizer.
pub(crate) fn environment(variables: Option<&[(String, Type)]>, rights: bool) -> Environment {
    let known = variables.unwrap_or_default().iter().cloned();
    let known = ObjectType::plain("kubernetes.variables", known);
    let mut globals = vec![
        ("object", Type::Dyn),
        ("oldObject", Type::Dyn),
        ("request", request_type()),
        ("namespaceObject", namespace_type()),
        (if variables.is_some() { "variables" } else { "" }, Type::Object(known.into())),
    ];
    if rights {
        globals.push(("authorizer", Type::Opaque("kubernetes.authorization.Authorizer")));
        globals.push((
            "authorizer.requestResource",
            Type::Opaque("kubernetes.authorization.ResourceCheck"),
        ));
    }
    Environment { globals, functions: functions(), messages: Vec::new() }
}

/// The environment of a mutation, in which patches can be made.
pub(crate) fn mutation_environment(variables: &[(String, Type)]) -> Environment {
    let functions = mutation_functions();
    Environment { functions, messages: vec![json_patch()], ..environment(Some(variables), true) }
}

/// The type of one operation of a JSON patch.
pub(crate) fn json_patch() -> Arc<ObjectType> {
    static JSON_PATCH: LazyLock<Arc<ObjectType>> = LazyLock::new(|| {
        let texts = ["op", "path", "from"].map(|field| (field.to_owned(), Type::String));
        let value = ("value".to_owned(), Type::Dyn);
        Arc::new(ObjectType::plain("JSONPatch", texts.into_iter().chain([value])))
    });
    JSON_PATCH.clone()
}

fn request_type() -> Type {
    let text = || Type::String;
    let kind = [("group", text()), ("version", text()), ("kind", text())];
    let kind = Type::object("kubernetes.GroupVersionKind", &kind);
    let resource = [("group", text()), ("version", text()), ("resource", text())];
    let resource = Type::object("kubernetes.GroupVersionResource", &resource);
    let user = [
        ("username", text()),
        ("uid", text()),
        ("groups", Type::list(text())),
        ("extra", Type::map(text(), Type::list(text()))),
    ];
    let fields = [
        ("kind", kind.clone()),
        ("resource", resource.clone()),
        ("subResource", text()),
        ("requestKind", kind),
        ("requestResource", resource),
        ("requestSubResource", text()),
        ("name", text()),
        ("namespace", text()),
        ("operation", text()),
        ("userInfo", Type::object("kubernetes.UserInfo", &user)),
        ("dryRun", Type::Bool),
        ("options", Type::Dyn),
    ];
    Type::object("kubernetes.AdmissionRequest", &fields)
}

fn namespace_type() -> Type {
    let text = || Type::String;
    let labels = || Type::map(text(), text());
    let metadata = [
        ("name", text()),
        ("generateName", text()),
        ("namespace", text()),
        ("labels", labels()),
        ("annotations", labels()),
        ("UID", text()),
        ("creationTimestamp", Type::Timestamp),
        ("deletionGracePeriodSeconds", Type::Int),
        ("deletionTimestamp", Type::Timestamp),
        ("generation", Type::Int),
        ("resourceVersion", text()),
        ("finalizers", Type::list(text())),
    ];
    let condition = [
        ("status", text()),
        ("type", text()),
        ("lastTransitionTime", Type::Timestamp),
        ("message", text()),
        ("reason", text()),
    ];
    let condition = Type::object("kubernetes.NamespaceCondition", &condition);
    let status = [("conditions", Type::list(condition)), ("phase", text())];
    let spec = [("finalizers", Type::list(text()))];
    let fields = [
        ("metadata", Type::object("kubernetes.NamespaceMetadata", &metadata)),
        ("spec", Type::object("kubernetes.NamespaceSpec", &spec)),
        ("status", Type::object("kubernetes.NamespaceStatus", &status)),
    ];
    Type::object("kubernetes.Namespace", &fields)
}

/// `request`: an AdmissionRequest; what is empty is absent.
pub(crate) fn request(admission: &Admission<'_>) -> Json {
    let kind =
        json!({"group": admission.group, "version": admission.version, "kind": admission.kind});
    let resource = json!({"group": admission.group, "version": admission.version, "resource": admission.resource});
    let mut request = Map::new();
    let texts = [
        ("subResource", admission.subresource),
        ("requestSubResource", admission.subresource),
        ("name", admission.name),
        ("namespace", admission.namespace),
        ("operation", admission.operation.word()),
    ];
    for (field, text) in texts {
        if !text.is_empty() {
            request.insert(field.to_owned(), Json::from(text));
        }
    }
    request.insert("requestKind".to_owned(), kind.clone());
    request.insert("requestResource".to_owned(), resource.clone());
    request.insert("kind".to_owned(), kind);
    request.insert("resource".to_owned(), resource);
    request.insert("userInfo".to_owned(), admission.user.to_value());
    request.insert("dryRun".to_owned(), Json::Bool(admission.dry_run));
    if let Some(options) = admission.options {
        request.insert("options".to_owned(), options.clone());
    }
    Json::Object(request)
}

/// The types of the globals, built once.
pub(crate) fn types() -> &'static [(&'static str, Type)] {
    static TYPES: LazyLock<Environment> = LazyLock::new(|| environment(None, true));
    &TYPES.globals
}
