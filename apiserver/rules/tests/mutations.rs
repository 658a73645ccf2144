//! What mutating policies make of a request, and what they cannot do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apiserver_object::{Attributes, Authorizer, Decision, User};
use apiserver_rules::{Admission, Binding, MutatingPolicy, Operation};
use serde_json::{Value, json};

/// Nobody may do anything.
struct Nobody;

impl Authorizer for Nobody {
    fn authorize(&self, _: &User, _: &Attributes<'_>) -> Decision {
        Decision::default()
    }
}

fn policy(expression: &str, more: &Value) -> Value {
    let rule = json!({ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"] });
    let mut policy = json!({ "metadata": { "name": "p" }, "spec": {
        "matchConstraints": { "resourceRules": [rule] },
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
        "reinvocationPolicy": "IfNeeded",
    }});
    for (field, value) in more.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    policy
}

fn compiled(expression: &str) -> MutatingPolicy {
    MutatingPolicy::compile(&policy(expression, &json!({}))).unwrap()
}

fn asked<T>(group: &str, resource: &str, ask: impl FnOnce(&Admission<'_>) -> T) -> T {
    let user = User { name: "jane".to_owned(), ..User::default() };
    let object = json!({ "metadata": { "name": "x" }, "spec": { "size": 1 } });
    ask(&Admission {
        operation: Operation::Create,
        group,
        version: "v1",
        resource,
        subresource: "",
        kind: "X",
        namespace: "a",
        name: "x",
        object: Some(&object),
        old_object: None,
        user: &user,
        dry_run: false,
        namespace_object: None,
        options: None,
    })
}

fn patch(expression: &str) -> Result<Value, String> {
    let policy = compiled(expression);
    let made = asked("g", "xs", |request| policy.patch(0, request, &Nobody))?;
    Ok(made.into_iter().map(Value::Object).collect())
}

#[test]
fn an_expression_makes_the_operations_of_a_patch() {
    let expression = "[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: request.userInfo.username}, \
                      JSONPatch{op: 'move', from: '/spec', path: '/b'}] + \
                      (authorizer.group('').resource('x').check('get').allowed() ? [JSONPatch{}] : [])";
    let wanted = json!([
        { "op": "add", "path": "/a/b~1c", "value": "jane" },
        { "op": "move", "from": "/spec", "path": "/b" },
    ]);
    assert_eq!(patch(expression), Ok(wanted));
}

#[test]
fn work_and_size_are_bounded() {
    let endless = "lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000))).size() > 0 ? [JSONPatch{}] : []";
    assert!(patch(endless).unwrap_err().contains("cost limit"));
    let large = "optional.of(lists.range(10000)).optMap(all, lists.range(1000).map(n, JSONPatch{value: all})).orValue([])";
    assert_eq!(patch(large).unwrap_err(), "the patch is larger than 3145728 bytes");
}

#[test]
fn policies_and_deletions_are_exempt() {
    let policy = compiled("[JSONPatch{}]");
    let meant = |group: &str, resource: &str| asked(group, resource, |one| policy.matches(one));
    assert!(meant("g", "xs"));
    assert!(!meant("admissionregistration.k8s.io", "mutatingadmissionpolicies"));
    let deletion =
        |one: &Admission<'_>| policy.matches(&Admission { operation: Operation::Delete, ..*one });
    assert!(!asked("g", "xs", deletion));
}

#[test]
fn conditions_that_cannot_be_evaluated_are_left_to_the_failure_policy() {
    let applies = |failures: &str| {
        let conditions = json!([{ "name": "a", "expression": "object.none == 1" }]);
        let more = json!({ "matchConditions": conditions, "failurePolicy": failures });
        let policy = MutatingPolicy::compile(&policy("[JSONPatch{}]", &more)).unwrap();
        asked("g", "xs", |one| policy.applies(one, &Nobody))
    };
    assert_eq!(applies("Ignore"), Ok(false));
    assert!(applies("Fail").unwrap_err().ends_with("no such key: none"));
}

#[test]
fn what_is_not_supported_is_refused() {
    let place = |policy: &Value| {
        let faults = MutatingPolicy::compile(policy).unwrap_err();
        faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    let other = json!([{ "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": "Object{}" } }]);
    assert_eq!(place(&policy("", &json!({ "mutations": other }))), ["spec.mutations[0].patchType"]);
    let kind = json!({ "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" } });
    assert_eq!(place(&policy("[JSONPatch{}]", &kind)), ["spec.paramKind"]);
    let expression = "[JSONPatch{op: 'add', path: '/a', value: Object.spec{}}]";
    assert_eq!(place(&policy(expression, &json!({}))), ["spec.mutations[0].jsonPatch.expression"]);
    let binding = json!({ "spec": { "policyName": "p", "paramRef": { "name": "a" } } });
    assert!(Binding::compile_mutating(&binding).is_err());
}
