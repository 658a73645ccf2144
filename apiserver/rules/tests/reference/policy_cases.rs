//! Policies about a ConfigMap, and what is done to it.

use serde_json::{Value, json};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// `spec` of the policy without what all cases share.
    pub(crate) spec: Value,
    /// Data of the ConfigMap that is created or, where the second is given, updated to it.
    pub(crate) requests: Vec<(Value, Option<Value>)>,
}

fn validations(name: &'static str, validations: Value) -> Case {
    Case { name, spec: json!({ "validations": validations }), requests: requests() }
}

fn requests() -> Vec<(Value, Option<Value>)> {
    vec![
        (json!({ "a": "x" }), None),
        (json!({ "b": "y" }), None),
        (json!({ "a": "x" }), Some(json!({ "a": "z", "b": "y" }))),
    ]
}

fn one(name: &'static str, expression: &str) -> Case {
    validations(name, json!([{ "expression": expression }]))
}

pub(crate) fn all() -> Vec<Case> {
    let with = |name, spec: Value| Case { name, spec, requests: requests() };
    vec![
        one("plain", "object.data.a == 'x'"),
        one("has", "has(object.data.a) && object.data.a == 'x'"),
        one(
            "optional",
            "object.?data.a.orValue('none') != 'none' && oldObject.?data[?'a'].orValue('') == ''",
        ),
        one("null-old", "oldObject == null || oldObject.data.a != object.data.a"),
        one(
            "request",
            "request.operation == 'CREATE' && request.resource.resource == 'configmaps' && request.kind.kind == 'ConfigMap' && request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups && request.dryRun && request.namespace == 'default' && !has(request.subResource)",
        ),
        one("absent-request", "request.subResource == ''"),
        one(
            "namespace",
            "namespaceObject.metadata.name == 'default' && namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default' && namespaceObject.status.phase == 'Active'",
        ),
        one(
            "rights",
            "authorizer.group('apps').resource('deployments').namespace('default').name('x').check('create').allowed() && authorizer.path('/healthz').check('get').allowed()",
        ),
        one(
            "rights-of-account",
            "authorizer.serviceAccount('default', 'default').group('').resource('secrets').namespace('default').check('get').allowed()",
        ),
        one(
            "rights-of-request",
            "authorizer.requestResource.check('delete').allowed() && !authorizer.requestResource.check('delete').errored()",
        ),
        validations(
            "reasons",
            json!([{ "expression": "object.data.?b.orValue('') != 'y'", "reason": "Forbidden", "message": " no y " }]),
        ),
        validations(
            "message-expression",
            json!([{ "expression": "false", "reason": "Invalid", "messageExpression": "'of ' + object.metadata.name" }]),
        ),
        validations(
            "message-falls-back",
            json!([{ "expression": "false", "reason": "RequestEntityTooLarge", "message": "plain", "messageExpression": "string(object.data.none)" }]),
        ),
        with(
            "ignore",
            json!({ "failurePolicy": "Ignore", "validations": [{ "expression": "object.data.a == 'x'" }, { "expression": "object.data.?b.orValue('') != 'y'" }] }),
        ),
        with(
            "variables",
            json!({ "variables": [{ "name": "a", "expression": "object.data.a" }, { "name": "both", "expression": "variables.a + variables.a" },
            { "name": "unused", "expression": "object.none.at.all" }], "validations": [{ "expression": "!has(object.data.a) || variables.both == 'xx'" }, { "expression": "variables.both == 'xx'" }] }),
        ),
        with(
            "conditions",
            json!({ "matchConditions": [{ "name": "m", "expression": "has(object.data.a)" }, { "name": "n", "expression": "object.data.a == 'z'" }], "validations": [{ "expression": "false" }] }),
        ),
        with(
            "broken-condition",
            json!({ "matchConditions": [{ "name": "m", "expression": "object.data.a == 'x'" }], "validations": [{ "expression": "true" }] }),
        ),
        with(
            "two",
            json!({ "validations": [{ "expression": "object.data.?a.orValue('') != 'z'" }, { "expression": "object.data.?b.orValue('') != 'y'", "message": "second" }] }),
        ),
    ]
}
