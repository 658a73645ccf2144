//! ResourceQuotas: how many objects of a kind a namespace may hold.
//!
//! kube-apiserver judges by the quota's status, which a controller writes that does not run here: each case writes it in
//! its place, and goes on once the server has seen it.

use crate::call::{Call, apply, delete, get, merge_patch, post, put};
use crate::case::Case;

fn limited(hard: &str, rest: &str) -> Call {
    let body = format!(
        "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{{hard}}}{rest}}}}}"
    );
    post("$quotas", body)
}

fn quota(hard: &str) -> Call {
    limited(hard, "")
}

/// The turn of the controller.
fn counted(hard: &str, used: &str) -> Call {
    let body = format!("{{status: {{hard: {{{hard}}}, used: {{{used}}}}}}}");
    merge_patch("$quotas/q/status", body).quiet()
}

fn config_map(name: &str) -> Call {
    post("$configmaps", text_of_config_map(name))
}

fn text_of_config_map(name: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}")
}

fn dry_config_map() -> Call {
    post("$configmaps?dryRun=All", text_of_config_map("dry"))
}

fn widget(name: &str) -> Call {
    post("$widgets", text_of_widget(name))
}

fn text_of_widget(name: &str) -> String {
    format!("{{apiVersion: $shared/v1, kind: Widget, metadata: {{name: {name}}}}}")
}

fn dry_widget() -> Call {
    post("$widgets?dryRun=All", text_of_widget("dry"))
}

/// A quota with room for some objects, which is in force: only a refusal shows that the server has seen it, so it
/// begins without room. (`dry` makes one.)
fn in_force(resource: &str, most: u8, dry: fn() -> Call) -> Vec<Call> {
    let (none, hard) = (format!("{resource}: '0'"), format!("{resource}: '{most}'"));
    vec![
        quota(&none).quiet(),
        counted(&none, &none),
        dry().quiet_any().until(403),
        merge_patch("$quotas/q", format!("{{spec: {{hard: {{{hard}}}}}}}")).quiet(),
        counted(&hard, &none),
        dry().quiet_any().until(201),
    ]
}

/// A quota with room for some ConfigMaps.
fn room(most: u8) -> Vec<Call> {
    in_force("count/configmaps", most, dry_config_map)
}

/// A quota that is in force and has no room left for ConfigMaps: there is one, `a`.
fn full() -> Vec<Call> {
    let mut calls = room(1);
    calls.extend([config_map("a").quiet(), dry_config_map().quiet_any().until(403)]);
    calls
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a quota is stored with its limits in the form of quantities", || {
        vec![
            quota("count/configmaps: 10, count/widgets.$shared: '2000', pods: 1k"),
            get("$quotas/q").only(&["/spec"]),
        ]
    }),
    Case::calls(
        "a create above a quota is refused with what was asked for, used and allowed",
        || {
            let mut calls = room(2);
            calls.extend([config_map("a"), config_map("b"), config_map("c")]);
            calls
        },
    ),
    Case::calls("a generated name is refused too", || {
        let mut calls = full();
        calls.push(
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: b-}}")
                .only(&["/code", "/reason"]),
        );
        calls
    }),
    Case::calls("custom objects are counted by resource and group", || {
        let mut calls = in_force("count/widgets.$shared", 1, dry_widget);
        calls.extend([widget("a").quiet(), dry_widget().quiet_any().until(403), widget("b")]);
        calls
    }),
    Case::calls(
        "kinds that were counted before all kinds were have a name without count too",
        || {
            let (hard, used) = (
                "configmaps: '1', count/configmaps: '1', secrets: '0'",
                "configmaps: '1', count/configmaps: '1', secrets: '0'",
            );
            vec![
                config_map("a").quiet(),
                quota(hard).quiet(),
                counted(hard, used),
                dry_config_map().until(403),
                config_map("b"),
                post("$secrets", "{apiVersion: v1, kind: Secret, metadata: {name: a}}"),
            ]
        },
    ),
    Case::calls("what is deleted makes room", || {
        let mut calls = full();
        calls.extend([
            delete("$configmaps/a").quiet(),
            counted("count/configmaps: '1'", "count/configmaps: '0'"),
            dry_config_map().quiet().until(201),
            config_map("b"),
            config_map("c"),
        ]);
        calls
    }),
    Case::calls("the status says how many are used", || {
        let mut calls = room(5);
        calls.extend([
            config_map("a").quiet(),
            config_map("b").quiet(),
            get("$quotas/q").until_value("/status/used/count~1configmaps", "2").only(&["/status"]),
        ]);
        calls
    }),
    Case::calls("a name that exists is refused for the quota where that is full", || {
        let mut calls = full();
        calls.push(config_map("a"));
        calls
    }),
    Case::calls("changes take no room, and neither do kinds that are not counted", || {
        let mut calls = full();
        calls.extend([
            merge_patch("$configmaps/a", "{data: {k: v}}").only(&["/data"]),
            put("$configmaps/a", text_of_config_map("a")).only(&["/data"]),
            post("$secrets", "{apiVersion: v1, kind: Secret, metadata: {name: a}}")
                .only(&["/kind"]),
            widget("a").only(&["/kind"]),
        ]);
        calls
    }),
    Case::calls("an apply that creates is counted", || {
        let mut calls = full();
        calls.push(apply("$configmaps/b?fieldManager=m", text_of_config_map("b")));
        calls
    }),
    Case::calls("a dry run is refused as the create would be, and takes no room", || {
        let mut calls = room(1);
        calls.extend([
            dry_config_map().only(&["/kind"]),
            config_map("a").only(&["/kind"]),
            dry_config_map().until(403),
        ]);
        calls
    }),
    Case::calls("a quota counts quotas", || {
        let (hard, used) = ("resourcequotas: '1'", "resourcequotas: '1'");
        vec![
            quota(hard).quiet(),
            counted(hard, used),
            post(
                "$quotas?dryRun=All",
                "{apiVersion: v1, kind: ResourceQuota, metadata: {name: r}}",
            )
            .until(403),
        ]
    }),
    Case::calls("a quota with scopes counts nothing but pods", || {
        let hard = "count/configmaps: '0'";
        vec![
            limited(hard, ", scopes: [BestEffort]").only(&["/spec"]),
            counted(hard, hard),
            config_map("a").only(&["/kind"]),
        ]
    }),
    Case::calls("events are counted by no quota", || {
        let hard = "count/events: '0', count/events.events.k8s.io: '0'";
        let core =
            "{apiVersion: v1, kind: Event, metadata: {name: a}, involvedObject: {namespace: $ns}}";
        let event = "{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: b}, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: c, reportingInstance: i, action: a, reason: r, type: Normal, regarding: {namespace: $ns}}";
        vec![
            quota(hard).quiet(),
            counted(hard, hard),
            post("$core_events", core).only(&["/kind"]),
            post("$events", event).only(&["/kind"]),
        ]
    }),
    Case::calls("a deleted quota is answered and limits nothing", || {
        let mut calls = full();
        calls.extend([
            delete("$quotas/q").only(&["/kind", "/spec"]),
            dry_config_map().quiet().until(201),
            config_map("b").only(&["/kind"]),
        ]);
        calls
    }),
    Case::calls("limits that are none are refused", || {
        [
            "count/configmaps: '-1'",
            "pods: '1.5'",
            "count/configmaps: '1.5'",
            "things: '1'",
            "'a b': '1'",
            "'': '1'",
            "count/: '1'",
            "count/a/b: '1'",
            "example.com/things: '1'",
            "requests.cpu: 500m",
            "persistentvolumeclaims: '1', replicationcontrollers: '2', services.nodeports: '0', limits.memory: 1Gi",
        ]
        .map(|hard| limited(hard, ""))
        .into_iter()
        .flat_map(|call| [call, delete("$quotas/q").quiet_any()])
        .collect()
    }),
    Case::calls("a limit that is no quantity is refused", || {
        vec![quota("count/configmaps: x").wordless()]
    }),
    Case::calls("scopes that are unknown, that conflict or do not fit are refused", || {
        [
            ("pods: '1'", ", scopes: [Other]"),
            ("pods: '1'", ", scopes: [BestEffort, NotBestEffort]"),
            ("pods: '1'", ", scopes: [Terminating, NotTerminating]"),
            ("configmaps: '1'", ", scopes: [BestEffort]"),
            ("requests.cpu: '1'", ", scopes: [BestEffort]"),
            ("requests.cpu: '1'", ", scopes: [Terminating]"),
            ("count/configmaps: '1'", ", scopes: [BestEffort]"),
        ]
        .map(|(hard, scopes)| limited(hard, scopes))
        .into_iter()
        .flat_map(|call| [call, delete("$quotas/q").quiet_any()])
        .collect()
    }),
    Case::calls("limits may be changed, scopes may not", || {
        vec![
            quota("pods: '1'").quiet(),
            merge_patch("$quotas/q", "{spec: {hard: {pods: '2'}}}").only(&["/spec"]),
            merge_patch("$quotas/q", "{spec: {scopes: [BestEffort]}}"),
            merge_patch("$quotas/q", "{spec: {hard: {pods: '-2'}}}"),
        ]
    }),
    Case::calls("quotas are shown with what is used of each limit", || {
        let (hard, used) = (
            "count/secrets: '3', count/configmaps: '5', limits.cpu: '2'",
            "count/secrets: '0', count/configmaps: '0', limits.cpu: '0'",
        );
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        vec![
            quota(hard).quiet(),
            counted(hard, used),
            get("$quotas?includeObject=None").header("accept", table).only(&[
                "/columnDefinitions",
                "/rows/0/cells/1",
                "/rows/0/cells/2",
            ]),
        ]
    }),
];
