use meshroot_api::metrics::ALL;

use super::*;

/// Each word that stands where a metric's name may.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_a_word = |one: char| one.is_ascii_alphanumeric() || one == '_';
    text.split(move |one| !is_of_a_word(one))
        .filter(|word| word.starts_with("meshroot_") || word.starts_with("process_"))
}

#[test]
fn only_metrics_that_there_are_are_named() {
    let known: Vec<String> = ALL.iter().map(meshroot_api::metrics::Metric::series).collect();
    let mut seen = 0;
    for word in words(&prometheus_rules().to_string()).chain(words(&dashboard().to_string())) {
        assert!(known.iter().any(|name| name == word), "{word} is no metric");
        seen += 1;
    }
    assert!(seen > 50, "{seen} were looked at");
}

#[test]
fn every_alert_names_its_object_in_one_line_and_a_next_step() {
    for alert in alerts() {
        assert!(alert.name.starts_with("Meshroot"), "{}", alert.name);
        assert!(!alert.summary.ends_with('.') && !alert.summary.contains('\n'), "{}", alert.name);
        assert!(!alert.description.contains("  "), "{}: {}", alert.name, alert.description);
        // A label that the alert's expression takes away would be shown as nothing.
        let shown = [alert.summary, alert.description].concat();
        for label in shown.split("$labels.").skip(1) {
            let label: String =
                label.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect();
            let known = ALL.iter().any(|metric| metric.labels.contains(&label.as_str()));
            assert!(known || label == "instance", "{}: {label}", alert.name);
        }
    }
}

#[test]
fn no_two_panels_of_the_dashboard_share_an_id_a_title_or_a_place() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let number = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap();
    for (index, one) in panels.iter().enumerate() {
        assert!(number(one, "x") + number(one, "w") <= 24, "{one}");
        assert!(!one["targets"].as_array().unwrap().is_empty(), "{one}");
        for other in &panels[..index] {
            assert_ne!(one["id"], other["id"]);
            assert_ne!(one["title"], other["title"]);
            let apart = |at: &str, size: &str| {
                number(one, at) >= number(other, at) + number(other, size)
                    || number(other, at) >= number(one, at) + number(one, size)
            };
            assert!(apart("x", "w") || apart("y", "h"), "{one} {other}");
        }
    }
}
