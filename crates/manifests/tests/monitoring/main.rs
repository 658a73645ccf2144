//! The alerts, judged by promtool: each fires when it should and is silent when it should not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cases;

use std::collections::BTreeSet;

use meshroot_manifests::monitoring::{Alert, alerts, prometheus_rule_objects, prometheus_rules};
use meshroot_manifests::to_yaml;
use meshroot_testkit::prometheus::promtool;
use meshroot_testkit::{Directory, tools};
use serde_json::{Map, Value, json};

use cases::{Case, cases};

const RULES: &str = "prometheus-rules.yaml";

fn written() -> Directory {
    let directory = Directory::create("rules").unwrap();
    directory.write(RULES, to_yaml(&[prometheus_rules()]).unwrap()).unwrap();
    directory
}

#[test]
fn promtool_takes_every_rule() {
    let said = promtool(written().path(), &["check", "rules", "--lint-fatal", RULES]).unwrap();
    assert!(said.contains(&format!("SUCCESS: {} rules found", alerts().len())), "{said}");
}

#[test]
fn each_alert_fires_when_it_should_and_is_silent_when_it_should_not() {
    let directory = written();
    let tests: Vec<Value> = cases().iter().map(test).collect();
    let file = json!({ "rule_files": [RULES], "evaluation_interval": "1m", "tests": tests });
    directory.write("tests.json", file.to_string()).unwrap();
    promtool(directory.path(), &["test", "rules", "tests.json"]).unwrap();
    for alert in alerts() {
        let own = || cases().into_iter().filter(|case| case.alert == alert.name);
        assert!(own().any(|case| case.fires.is_some()), "{} is never seen to fire", alert.name);
        assert!(own().any(|case| case.fires.is_none()), "{} is never seen silent", alert.name);
    }
}

/// One case, as promtool reads it.
fn test(case: &Case) -> Value {
    let series: Vec<Value> = case
        .series
        .iter()
        .map(|(series, values)| json!({ "series": series, "values": values }))
        .collect();
    let alert = alerts().into_iter().find(|alert| alert.name == case.alert).unwrap();
    let expected: Vec<Value> = case.fires.iter().map(|fires| expected(&alert, fires)).collect();
    json!({
        "name": format!("{}: {}", case.alert, case.about),
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{ "eval_time": case.at, "alertname": case.alert, "exp_alerts": expected }],
    })
}

fn expected(alert: &Alert, (labels, value): &(Vec<(&str, &str)>, &str)) -> Value {
    let rendered = |text: &str| {
        let text =
            text.replace("{{ $value }}", value).replace("{{ $value | humanizeDuration }}", value);
        let with_labels = labels.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("{{{{ $labels.{name} }}}}"), value)
        });
        assert!(!with_labels.contains("{{"), "{with_labels}");
        with_labels
    };
    let mut expected: Map<String, Value> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    expected.insert("severity".to_owned(), json!(alert.severity.word()));
    json!({
        "exp_labels": expected,
        "exp_annotations": {
            "summary": rendered(alert.summary),
            "description": rendered(alert.description),
            "runbook": alert.runbook(),
        },
    })
}

#[test]
fn what_to_do_about_each_alert_is_documented_and_about_no_other() {
    let page = std::fs::read_to_string(tools::workspace().join("docs/operations.md")).unwrap();
    let documented: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).filter(is_alert).collect();
    assert_eq!(documented, alerts().iter().map(|alert| alert.name).collect());
}

fn is_alert(heading: &&str) -> bool {
    heading.starts_with("Meshroot") && !heading.contains(' ')
}

#[test]
fn the_operator_is_given_the_same_rules() {
    let objects = prometheus_rule_objects();
    let groups: Vec<&Value> =
        objects.iter().flat_map(|object| object["spec"]["groups"].as_array().unwrap()).collect();
    let plain = prometheus_rules();
    assert_eq!(groups, plain["groups"].as_array().unwrap().iter().collect::<Vec<_>>());
}
