//! Rules that do not fit their schema: the definition is refused, with the same fields and words.

use apiserver_rules::CompiledRules;
use serde_json::{Value, json};

use crate::schema::read;
use crate::server::{client, send};

/// The rules of a node `a` with a text, a number, a list of objects and a map.
fn schemas() -> Vec<(&'static str, Value)> {
    let text = json!({ "type": "string", "maxLength": 10 });
    let below = |rule: Value| {
        json!({ "type": "object", "properties": {
            "s": text, "n": { "type": "integer" },
            "l": { "type": "array", "maxItems": 3, "items": { "type": "object", "properties": { "k": text } } },
            "p": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        }, "x-kubernetes-validations": [rule] })
    };
    let plain = |rule: &str| below(json!({ "rule": rule }));
    let entry = |rule: Value, kind: &str| {
        json!({ "type": "array", "maxItems": 3, "x-kubernetes-list-type": kind,
            "items": { "type": "string", "maxLength": 5, "x-kubernetes-validations": [rule] } })
    };
    vec![
        ("unknown field", plain("self.x == 1")),
        ("unknown name", plain("that.s == ''")),
        ("unknown function", plain("self.s.nothing()")),
        ("types differ", plain("self.s == self.n")),
        ("no overload", plain("self.s + 1 == 'a'")),
        ("two faults", plain("self.x == self.y")),
        ("no condition", plain("self.s")),
        ("dyn condition", plain("dyn(true)")),
        ("mixed list", plain("self.s in ['a', 1]")),
        ("hidden", plain("self.p.x == 1")),
        ("null text", plain("self.s == null")),
        ("select of text", plain("self.s.x == 1")),
        ("range", plain("self.n.all(x, x > 1)")),
        ("condition of all", plain("self.l.all(x, 1)")),
        ("metadata is not here", plain("self.metadata.name == ''")),
        ("pattern", plain("self.s.matches('(')")),
        ("duration", plain("duration('1x') > duration('1s')")),
        ("blank", plain("  ")),
        ("message of a number", below(json!({ "rule": "true", "messageExpression": "1" }))),
        ("message of nothing", below(json!({ "rule": "true", "messageExpression": "self.x" }))),
        ("reason", below(json!({ "rule": "true", "reason": "Odd" }))),
        ("field path", below(json!({ "rule": "true", "fieldPath": ".x" }))),
        ("lines", below(json!({ "rule": "true\n&& true" }))),
        ("optional without old", below(json!({ "rule": "true", "optionalOldSelf": true }))),
        ("old in atomic list", entry(json!({ "rule": "self == oldSelf" }), "atomic")),
        ("old in set", entry(json!({ "rule": "self == oldSelf" }), "set")),
    ]
}

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "refused.refused.meshroot.dev" },
        "spec": { "group": "refused.meshroot.dev", "scope": "Namespaced",
            "names": { "plural": "refused", "singular": "refused", "kind": "Refused", "listKind": "RefusedList" },
            "versions": [{ "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "properties": { "a": schema } } } }] },
    })
}

#[tokio::test]
async fn rules_that_do_not_fit_are_refused_as_a_real_server_refuses_them() {
    let client = client().await;
    let mut differences = Vec::new();
    for (name, schema) in schemas() {
        let definition = definition(&schema);
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All";
        let (status, answer) = send(&client, "POST", path, Some(&definition)).await;
        let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
        let real: Vec<_> = causes
            .iter()
            .map(|cause| {
                let text = |field: &str| cause[field].as_str().unwrap_or_default().to_owned();
                (text("field"), text("reason"), text("message"))
            })
            .collect();
        let schema = read(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
        let faults = CompiledRules::compile(&schema, "spec.validation.openAPIV3Schema")
            .err()
            .unwrap_or_default();
        let own: Vec<_> =
            faults.iter().map(|f| (f.field.clone(), f.reason().to_owned(), f.body())).collect();
        if real != own {
            differences.push(format!("{name} {status}\n  real {real:#?}\n  ours {own:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
