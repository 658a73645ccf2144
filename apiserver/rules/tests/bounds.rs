//! What hostile rules and objects cannot do, and what is forgiven.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{Duration, Instant};

use apiserver_rules::CompiledRules;
use serde_json::{Value, json};

#[path = "common/schema.rs"]
mod schema;

fn compiled(schema: &Value) -> CompiledRules {
    CompiledRules::compile(&schema::read(schema), "schema").unwrap()
}

/// The faults of a list of numbers under one rule.
fn on_numbers(rule: &str, length: usize) -> Vec<String> {
    let schema = json!({ "type": "object", "properties": { "l": { "type": "array", "items": { "type": "integer" } } },
        "x-kubernetes-validations": [{ "rule": rule }, { "rule": "false", "message": "next" }] });
    let numbers: Vec<usize> = (0..length).collect();
    let faults = compiled(&schema).evaluate(&json!({ "l": numbers }), None);
    faults.iter().map(ToString::to_string).collect()
}

fn assert_stopped(rule: &str) {
    let start = Instant::now();
    let faults = on_numbers(rule, 3_000);
    assert!(start.elapsed() < Duration::from_secs(20), "{rule}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("call cost exceeds limit for rule"), "{faults:?}");
}

#[test]
fn work_without_end_is_stopped_and_no_more_rules_run() {
    assert_stopped("self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))");
    assert_stopped("self.l.map(a, self.l.map(b, self.l)).size() == 0");
    assert_stopped("self.l.transformMap(i, v, self.l.transformMap(j, w, w)).size() == 0");
    assert_stopped("lists.range(1000000000).size() == 0");
    assert_stopped(
        "self.l.map(x, string(x)).join('0123456789'.replace('', '0123456789'.replace('', '0123456789'))).replace('', 'abcdefghijklmnopqrstuvwxyz'.replace('', 'abcdefghijklmnopqrstuvwxyz')).replace('', '0123456789').size() == 0",
    );
    assert_stopped("self.l.all(x, !string(x).matches('^(a{0,9}){0,9}x' + string(x)))");
}

#[test]
fn equal_lists_are_compared_within_the_bounds() {
    assert_eq!(on_numbers("self.l == self.l", 3_000), ["Invalid value: next"]);
    assert_stopped("self.l.all(x, self.l == self.l)");
}

#[test]
fn an_expression_that_is_nested_too_deeply_does_not_compile() {
    let texts = [
        format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("{}true", "!-".repeat(5_000)),
        format!("1{} > 0", " + 1".repeat(5_000)),
        format!("self{} == 1", ".a".repeat(5_000)),
        format!("true{}", " ? true : true".repeat(5_000)),
        "[".repeat(50_000),
    ];
    for text in texts {
        let schema = json!({ "type": "object", "x-kubernetes-validations": [{ "rule": text }] });
        assert!(CompiledRules::compile(&schema::read(&schema), "schema").is_err());
    }
}

#[test]
fn a_long_chain_of_conditions_is_no_deep_one() {
    let rule = format!("{}true", "1 == 1 && ".repeat(2_000));
    assert_eq!(on_numbers(&rule, 1), ["Invalid value: next"]);
}

#[test]
fn a_width_that_would_make_a_text_huge_is_refused() {
    let faults = on_numbers("'%.1000000000f'.format([1.0]) == ''", 1);
    assert!(faults[0].contains("precision"), "{faults:?}");
}

#[test]
fn a_fault_of_a_part_that_did_not_change_is_forgiven_on_update() {
    let part = json!({ "type": "object", "properties": { "n": { "type": "integer" } },
        "x-kubernetes-validations": [{ "rule": "self.n > 0" }] });
    let rules = compiled(&json!({ "type": "object", "properties": { "a": part, "b": part,
        "l": { "type": "array", "items": part },
        "m": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"], "items": part } } }));
    let fields = |new: &Value, old: Option<&Value>| -> Vec<String> {
        rules.evaluate(new, old).into_iter().map(|fault| fault.field).collect()
    };
    let old = json!({ "a": { "n": 0 }, "b": { "n": 1 }, "l": [{ "n": 0 }], "m": [{ "n": 0 }] });
    assert_eq!(fields(&old, None), ["a", "l[0]", "m[0]"]);
    assert!(fields(&old, Some(&old)).is_empty());
    let new = json!({ "a": { "n": 0 }, "b": { "n": 0 }, "l": [{ "n": 0 }, { "n": 1 }], "m": [{ "n": 1 }, { "n": 0 }] });
    assert_eq!(fields(&new, Some(&old)), ["b", "l[0]"]);
}

#[test]
fn texts_are_joined() {
    assert_eq!(
        on_numbers("['a', 'b'].join('-') == 'a-b' && ['b', 'a'].min() == 'a'", 1),
        ["Invalid value: next"]
    );
}

#[test]
fn the_root_has_its_type_and_its_name_and_no_labels() {
    let rule =
        |rule: &str| json!({ "type": "object", "x-kubernetes-validations": [{ "rule": rule }] });
    let rules = compiled(&rule(
        "self.kind == 'K' && self.apiVersion == 'g/v' && self.metadata.name == 'n'",
    ));
    let object =
        json!({ "apiVersion": "g/v", "kind": "K", "metadata": { "name": "n", "labels": {} } });
    assert!(rules.evaluate(&object, None).is_empty());
    let labels = schema::read(&rule("has(self.metadata.labels)"));
    assert!(CompiledRules::compile(&labels, "schema").is_err());
}

mod policies {
    use apiserver_object::{Attributes, Authorizer, Decision, User};
    use apiserver_rules::{Admission, Operation, Policy};
    use serde_json::{Value, json};

    struct Nobody;

    impl Authorizer for Nobody {
        fn authorize(&self, _: &User, _: &Attributes<'_>) -> Decision {
            Decision::default()
        }
    }

    fn policy(variables: &[(String, String)], expression: &str) -> Result<Policy, Vec<String>> {
        let variables: Vec<Value> = variables
            .iter()
            .map(|(name, expression)| json!({ "name": name, "expression": expression }))
            .collect();
        let rule = json!({ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"] });
        let spec = json!({ "matchConstraints": { "resourceRules": [rule] }, "variables": variables,
            "validations": [{ "expression": expression }] });
        let policy = json!({ "metadata": { "name": "p" }, "spec": spec });
        Policy::compile(&policy).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn said(policy: &Policy) -> Vec<String> {
        let user = User::default();
        let request = Admission {
            operation: Operation::Create,
            group: "",
            version: "v1",
            resource: "pods",
            subresource: "",
            kind: "Pod",
            namespace: "",
            name: "x",
            object: None,
            old_object: None,
            user: &user,
            dry_run: false,
            namespace_object: None,
            options: None,
        };
        policy.evaluate(&request, &Nobody).into_iter().map(|denial| denial.message).collect()
    }

    #[test]
    fn a_long_chain_of_variables_does_not_exhaust_the_stack() {
        let mut variables = vec![("v0".to_owned(), "1".to_owned())];
        for at in 1..2_000 {
            variables.push((
                format!("v{at}"),
                format!("variables.v{} + 1{}", at - 1, " + 1".repeat(20)),
            ));
        }
        let said = said(&policy(&variables, "variables.v1999 > 0").unwrap());
        assert!(said[0].contains("actual cost limit exceeded"), "{said:?}");
    }

    #[test]
    fn a_text_that_doubles_in_each_variable_is_stopped() {
        let mut variables = vec![("v0".to_owned(), "'0123456789'".to_owned())];
        for at in 1..60 {
            variables.push((format!("v{at}"), format!("variables.v{0} + variables.v{0}", at - 1)));
        }
        let said = said(&policy(&variables, "variables.v59 == ''").unwrap());
        assert!(said[0].contains("actual cost limit exceeded"), "{said:?}");
    }

    #[test]
    fn a_variable_uses_earlier_ones_only_and_is_evaluated_where_it_is_used_only() {
        let variables = [("a", "variables.b"), ("b", "1")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert!(
            policy(&variables, "variables.a == 1").unwrap_err()[0].contains("undefined field 'b'")
        );
        let variables = [("a".to_owned(), "object.none".to_owned())];
        assert!(said(&policy(&variables, "true || variables.a == 1").unwrap()).is_empty());
    }

    #[test]
    fn a_policy_with_parameters_is_refused() {
        let policy = json!({ "metadata": { "name": "p" }, "spec": { "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" } } });
        let faults = Policy::compile(&policy).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "spec.paramKind: Forbidden: parameters of policies are not supported"
        );
    }
}
