//! Values of built-in kinds that Go reads with a decoder of their own: on every way in they are judged alike, and stored
//! in one form.

use super::objects::{config_map, object, secret};
use crate::call::{Call, apply, get, json_patch, merge_patch, post, put, strategic_patch};
use crate::case::{Case, Difference};

const DATA: &[&str] = &["/data", "/binaryData"];
const PODS: &str = "/api/v1/namespaces/$ns/pods";
const SERVICES: &str = "/api/v1/namespaces/$ns/services";

/// `value` (YAML) as a Secret's data, in each way in which a Secret can be written.
fn bytes(value: &str) -> Vec<Call> {
    let data = format!("data: {{k: {value}}}");
    let json = format!("[{{op: add, path: /data/k, value: {value}}}]");
    let mut calls = vec![
        post("$secrets", secret("a", &data)),
        post("$secrets", secret("b", "data: {k: b2xk}")).quiet(),
        put("$secrets/b", secret("b", &data)),
        json_patch("$secrets/b", json),
        merge_patch("$secrets/b", format!("{{{data}}}")),
        strategic_patch("$secrets/b", format!("{{{data}}}")),
        apply("$secrets/b?fieldManager=one&force=true", secret("b", &data)),
        apply("$secrets/c?fieldManager=one", secret("c", &data)),
        post("$configmaps", config_map("a", &format!("binaryData: {{k: {value}}}"))),
        apply(
            "$configmaps/b?fieldManager=one",
            config_map("b", &format!("binaryData: {{k: {value}}}")),
        ),
    ];
    for at in [0, 2, 3, 4, 5, 6, 7, 8, 9] {
        calls[at] = calls[at].clone().only(DATA).wordless();
    }
    calls
}

fn pod(name: &str, limits: &str) -> String {
    let limits = format!("resources: {{limits: {{{limits}}}}}");
    object(
        "v1, kind: Pod",
        name,
        &format!("spec: {{containers: [{{name: c, image: i, {limits}}}]}}"),
    )
}

/// A quantity in a pod's limits, in each way in which a pod can be created.
fn limit(value: &str) -> Vec<Call> {
    let limits = format!("cpu: {value}");
    let shown = |call: Call| call.only(&["/spec/containers/0/resources"]).wordless();
    vec![
        shown(post(format!("{PODS}?dryRun=All"), pod("a", &limits))),
        shown(apply(format!("{PODS}/a?fieldManager=one&dryRun=All"), pod("a", &limits))),
    ]
}

fn deployment(name: &str, limits: &str, rest: &str) -> String {
    object(
        "apps/v1, kind: Deployment",
        name,
        &format!(
            "spec: {{{rest}selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: \
             {{containers: [{{name: c, image: i, resources: {{limits: {{{limits}}}}}}}]}}}}}}"
        ),
    )
}

fn port(value: &str) -> Vec<Call> {
    let service = |name: &str| {
        object(
            "v1, kind: Service",
            name,
            &format!("spec: {{clusterIP: None, ports: [{{port: 1, targetPort: {value}}}]}}"),
        )
    };
    let shown = |call: Call| call.only(&["/spec/ports"]).wordless();
    vec![
        shown(post(format!("{SERVICES}?dryRun=All"), service("a"))),
        shown(apply(format!("{SERVICES}/a?fieldManager=one&dryRun=All"), service("a"))),
    ]
}

fn replicas(value: &str) -> Vec<Call> {
    let rest = format!("replicas: {value}, ");
    let shown = |call: Call| call.only(&["/spec/replicas"]).wordless();
    vec![
        shown(post("$deployments?dryRun=All", deployment("a", "", &rest))),
        shown(apply("$deployments/a?fieldManager=one&dryRun=All", deployment("a", "", &rest))),
        shown(merge_patch("$deployments/b", format!("{{spec: {{replicas: {value}}}}}"))),
        shown(strategic_patch("$deployments/b", format!("{{spec: {{replicas: {value}}}}}"))),
        shown(apply("$deployments/b?fieldManager=one&force=true", deployment("b", "", &rest))),
    ]
}

fn lease_time(value: &str) -> Vec<Call> {
    let lease = object(
        "coordination.k8s.io/v1, kind: Lease",
        "a",
        &format!("spec: {{renewTime: {value}}}"),
    );
    let shown = |call: Call| call.only(&["/spec"]).wordless();
    vec![
        shown(post("$leases?dryRun=All", lease.as_str())),
        shown(apply("$leases/a?fieldManager=one&dryRun=All", lease.as_str())),
    ]
}

fn event_time(value: &str) -> Vec<Call> {
    let event = object(
        "v1, kind: Event",
        "a",
        &format!(
            "involvedObject: {{kind: ConfigMap, namespace: $ns, name: a}}, firstTimestamp: {value}"
        ),
    );
    let shown = |call: Call| call.only(&["/firstTimestamp"]).wordless();
    vec![
        shown(post("$core_events?dryRun=All", event.as_str())),
        shown(apply("$core_events/a?fieldManager=one&dryRun=All", event.as_str())),
    ]
}

fn each(values: &[&str], ways: fn(&str) -> Vec<Call>) -> Vec<Call> {
    values.iter().flat_map(|value| ways(value)).collect()
}

pub(super) const CASES: &[Case] = &[
    Case::calls(
        "base64 that is broken into lines is stored in one line, however it is written",
        || bytes(r#""dmFs\ndWU=\n""#),
    ),
    Case::calls("base64 whose last bits are not zero is stored as its bytes are", || {
        bytes("'dn=='")
    }),
    Case::calls("base64 of nothing is nothing", || bytes("''")),
    Case::calls("a null for bytes is nothing", || bytes("null")),
    Case::calls("a null for a text of a map is an empty one", || {
        let shown = |call: Call| {
            call.only(&["/data", "/metadata/labels", "/metadata/annotations"]).wordless()
        };
        let metadata = "metadata: {name: b, labels: {a: null}, annotations: {b: null}}";
        vec![
            shown(post("$configmaps", config_map("a", "data: {k: null, l: v}"))),
            shown(post("$configmaps", format!("{{apiVersion: v1, kind: ConfigMap, {metadata}}}"))),
            shown(apply(
                "$configmaps/c?fieldManager=one",
                config_map("c", "data: {k: null, l: v}"),
            )),
        ]
    }),
    Case::calls("base64 without padding is refused, however it is written", || bytes("dg")),
    Case::calls("text that is no base64 is refused, however it is written", || {
        bytes("plain text!")
    }),
    Case::calls("bytes may be a list of numbers, but not to an apply", || bytes("[1]")),
    Case::calls("a quantity is stored in one form, whatever it was written as", || {
        each(
            &[
                "0.5",
                "'0.5'",
                "1",
                "1.0",
                "1000m",
                "'1.'",
                "'.5'",
                "'+2'",
                "' 2 '",
                "1e3",
                "'1E3'",
                "'1e-1'",
                "12e4",
                "'1024Mi'",
                "'1.5Gi'",
                "'0.1Gi'",
                "'1000k'",
                "'1M'",
                "'100000n'",
                "'0.0001'",
                "'0'",
                "'00'",
                "'0Gi'",
                "'123456789012345678901'",
                "'9Ei'",
                "'1000Ei'",
                "'1000E'",
                "'8Ki'",
                "'512Ki'",
                "'1.23456789'",
                "'-0.0'",
                "'1e12'",
                "'10Ti'",
                "'3.14k'",
                "100",
                "0",
                "1000000",
                "123456789",
                "1.5",
                "2.50",
                "'1000000Ki'",
            ],
            limit,
        )
    }),
    Case::calls("what is no quantity is refused", || {
        each(
            &[
                "''", "x", "1x", "'1 m'", "1Zi", "'1.2.3'", "'--1'", "1ee3", "1Kim", "true", "[1]",
                "{a: b}", "'.'", "'1e'", "'5 5'", "0x10",
            ],
            limit,
        )
    }),
    Case::calls("quantities of an object that is there are stored in one form too", || {
        let shown =
            |call: Call| call.only(&["/spec/template/spec/containers/0/resources"]).wordless();
        let path = "spec: {template: {spec: {containers: [{name: c, image: i, resources: {limits: ";
        let patch = |limits: &str| format!("{{{path}{{{limits}}}}}}}]}}}}}}}}");
        vec![
            post("$deployments", deployment("a", "cpu: '1.0'", "")).quiet(),
            shown(put("$deployments/a", deployment("a", "cpu: 0.25", ""))),
            shown(merge_patch("$deployments/a", patch("cpu: 0.5"))),
            shown(strategic_patch("$deployments/a", patch("cpu: 0.75, memory: 1024Mi"))),
            shown(json_patch(
                "$deployments/a",
                "[{op: replace, path: /spec/template/spec/containers/0/resources/limits/cpu, value: 1500m}]",
            )),
            shown(json_patch(
                "$deployments/a",
                "[{op: replace, path: /spec/template/spec/containers/0/resources/limits/cpu, value: 1.50}]",
            )),
            shown(apply(
                "$deployments/a?fieldManager=one&force=true",
                deployment("a", "cpu: 2.0", ""),
            )),
            shown(merge_patch("$deployments/a", patch("cpu: x"))),
            shown(strategic_patch("$deployments/a", patch("cpu: x"))),
            shown(apply(
                "$deployments/a?fieldManager=one&force=true",
                deployment("a", "cpu: x", ""),
            )),
            get("$deployments/a").only(&["/metadata/generation"]),
        ]
    }),
    Case::calls("quantities that are no resources keep more digits", || {
        let volumes = |limit: &str| {
            object(
                "v1, kind: Pod",
                "a",
                &format!(
                    "spec: {{containers: [{{name: c, image: i}}], volumes: [{{name: v, emptyDir: {{sizeLimit: {limit}}}}}]}}"
                ),
            )
        };
        ["0.5Gi", "1.5", "'0.0001'", "'1024Ki'", "'1e3'", "x"]
            .map(|limit| {
                post(format!("{PODS}?dryRun=All"), volumes(limit))
                    .only(&["/spec/volumes/0/emptyDir"])
                    .wordless()
            })
            .to_vec()
    }),
    Case::calls("the name of a port has a letter and at most fifteen signs", || {
        let service = |target: &str| {
            object(
                "v1, kind: Service",
                "a",
                &format!("spec: {{clusterIP: None, ports: [{{port: 1, targetPort: '{target}'}}]}}"),
            )
        };
        ["80", "sixteen-letters-x", "A", "-a--b-", "a b"]
            .map(|target| post(format!("{SERVICES}?dryRun=All"), service(target)))
            .to_vec()
    }),
    Case::calls("a port is a number or a name", || {
        each(
            &["1", "http", "'80'", "1.5", "99999999999", "true", "[1]", "{a: b}", "null", "0"],
            port,
        )
    }),
    Case::calls("a number of 32 bits is one, however it is written", || {
        let values = ["2", "2.5", "'2'", "3000000000", "true"];
        let there = post("$deployments", deployment("b", "", "")).quiet();
        [vec![there], each(&values, replicas)].concat()
    })
    .differs(Difference {
        why: "Go cuts what it is given by an apply down to 32 bits, and then judges what is left.",
        answers: &[(17, "/status", "500"), (20, "/status", "500")],
    }),
    Case::calls("a whole number is written without a fraction", || {
        let there = post("$deployments", deployment("b", "", "")).quiet();
        [vec![there], replicas("2.0"), port("1.0")].concat()
    })
    .differs(Difference {
        why: "2.0 is 2, as it is in custom objects and in other patches of both servers.",
        answers: &[
            (1, "/status", "201"),
            (1, "/body/~1spec~1replicas", "2"),
            (3, "/status", "200"),
            (3, "/body/~1spec~1replicas", "2"),
            (6, "/status", "201"),
            (6, "/body/~1spec~1ports", r#"[{"port":1,"protocol":"TCP","targetPort":1}]"#),
        ],
    }),
    Case::calls("a time with microseconds is stored in UTC", || {
        each(
            &[
                "'2026-01-01T01:00:00.000001+01:00'",
                "'2026-01-01T00:00:00.000000Z'",
                "'2026-01-01T00:00:00Z'",
                "'2026-01-01T00:00:00.123Z'",
                "'2026-01-01T00:00:00.1234567Z'",
                "'2026-01-01 00:00:00.000000Z'",
                "'2026-13-01T00:00:00.000000Z'",
                "''",
                "1",
                "null",
            ],
            lease_time,
        )
    }),
    Case::calls("a time is stored in UTC and whole seconds", || {
        each(
            &[
                "'2026-01-01T01:00:00+01:00'",
                "'2026-01-01T00:00:00.75Z'",
                "'2026-01-01T00:00:00,5Z'",
                "'2026-01-01T1:00:00Z'",
                "'2026-01-01t00:00:00z'",
                "'2026-01-01T00:00:00'",
                "'2026-02-30T00:00:00Z'",
                "'2026-01-01'",
                "'0001-01-01T00:00:00Z'",
                "''",
                "1",
                "null",
            ],
            event_time,
        )
    }),
];
