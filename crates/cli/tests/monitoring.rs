//! A real Prometheus that scrapes the demo, with the alerts and the queries of the dashboard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use meshroot_api::metrics::{self, Kind, Metric};
use meshroot_manifests::monitoring::{alerts, dashboard};
use meshroot_testkit::process::{self, Process};
use meshroot_testkit::{Directory, Prometheus, wait};
use serde_json::Value;

/// Shows what happened within an hour, and that was before the first scrape.
const EMPTY_PANEL: &str = "Decisions in an hour";

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_finds_every_metric_of_the_demo_no_alert_while_it_is_well_and_one_once_it_ended()
 {
    let directory = Directory::create("monitoring").unwrap();
    let demo = demo(&directory);
    demo.wait_for_log("Ctrl-C ends it", 2 * wait::LIMIT).await.unwrap();
    let config = directory.join("kept/prometheus.yml");
    let prometheus = Prometheus::start(&config).await.unwrap();
    for metric in metrics::ALL {
        is_scraped(&prometheus, metric).await.unwrap();
    }
    shows_in_the_dashboard(&prometheus).await.unwrap();
    wait::until("no alert", wait::LIMIT, async || nothing_is_wrong(&prometheus).await)
        .await
        .unwrap();
    demo.stop();
    let noticed = async || {
        let alerts = prometheus.data("alerts").await?;
        let names: Vec<&Value> = active(&alerts).map(|one| &one["labels"]["alertname"]).collect();
        ensure!(names == ["MeshrootHubAbsent"], "{alerts}");
        Ok(())
    };
    wait::until("an alert", wait::LIMIT, noticed).await.unwrap();
}

fn demo(directory: &Directory) -> Process {
    let mut command = process::command(env!("CARGO_BIN_EXE_meshroot"));
    command
        .args(["demo", "--root-key", "ECDSA-P256", "--keep"])
        .arg(directory.join("kept"))
        .env_remove("KUBECONFIG")
        .env_remove("MESHROOT_LOG");
    Process::spawn("the demo", command, directory.join("log")).unwrap()
}

/// That there are samples of a metric, with the labels of its definition and no others.
async fn is_scraped(prometheus: &Prometheus, metric: &Metric) -> Result<()> {
    let scraped: &[&str] = match metric.kind {
        Kind::Histogram => &["__name__", "job", "instance", "le"],
        _ => &["__name__", "job", "instance"],
    };
    let expected: BTreeSet<&str> = [metric.labels, scraped].concat().into_iter().collect();
    let series = metric.series();
    wait::until(&format!("samples of {series}"), wait::LIMIT, async || {
        let samples = prometheus.query(&series).await?;
        ensure!(!samples.is_empty(), "there is none");
        for sample in &samples {
            let labels = sample["metric"].as_object().into_iter().flatten();
            let found: BTreeSet<&str> = labels.map(|(name, _)| name.as_str()).collect();
            ensure!(found == expected, "{sample} has not the labels {expected:?}");
        }
        Ok(())
    })
    .await
}

async fn shows_in_the_dashboard(prometheus: &Prometheus) -> Result<()> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    for panel in panels.filter(|panel| panel["title"] != EMPTY_PANEL) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap_or_default();
            wait::until(&format!("samples of {query}"), wait::LIMIT, async || {
                ensure!(!prometheus.query(query).await?.is_empty(), "there is none");
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

/// That every rule is loaded and works, that none is true, and that no alert is pending.
async fn nothing_is_wrong(prometheus: &Prometheus) -> Result<()> {
    let rules = prometheus.data("rules").await?;
    let groups = rules["groups"].as_array().into_iter().flatten();
    let rules: Vec<&Value> =
        groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()).collect();
    ensure!(rules.len() == alerts().len(), "{} rules are loaded", rules.len());
    for rule in rules {
        ensure!(rule["health"] == "ok", "{rule}");
    }
    for alert in alerts() {
        let samples = prometheus.query(&alert.expr).await?;
        ensure!(samples.is_empty(), "{} is true: {samples:?}", alert.name);
    }
    let alerts = prometheus.data("alerts").await?;
    ensure!(active(&alerts).next().is_none(), "{alerts}");
    Ok(())
}

fn active(alerts: &Value) -> impl Iterator<Item = &Value> {
    alerts["alerts"].as_array().into_iter().flatten()
}
