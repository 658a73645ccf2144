//! `meshroot audit`, on files: what a hub writes is tried where there is a hub.

use std::io::Write as _;
use std::process::{Command, Stdio};

use meshroot_api::record::IssuanceRecordSpec;
use meshroot_core::ledger::{End, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{has, run};
use crate::stage::file;

const EAST: &str = "meshroot-cluster-east";

/// The verifier in `docs`, which shares nothing with ours.
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify_ledger.py");

/// A ledger of four records with letters that JSON writes in several ways, and the ConfigMap that says how far it came.
fn export() -> Value {
    let (mut items, mut end, mut last) = (Vec::new(), End::default(), Value::Null);
    for sequence in 1..=4 {
        let mut spec = json!({
            "request": { "name": format!("istio.demo.{sequence}"), "uid": format!("uid-{sequence}") },
            "virtualMeshRef": { "name": "demo", "namespace": "meshroot-system" },
            "csrSha256": "c0", "publicKeySha256": "b0",
            "decision": {
                "verdict": "Approved", "by": "third-party", "time": "2026-11-29T10:00:00Z",
                "message": "CHG-4711 \"für\" \\ \u{1}\n\t\u{7f} 鍵 😀",
            },
            "prepared": {
                "serial": "7f", "tbsSha256": "e0", "issuerSha256": "f0", "profileSha256": "a0",
                "notBefore": "2026-11-29T09:50:00Z", "notAfter": "2027-02-27T10:00:00Z",
            },
            "sequence": sequence, "fence": 3,
        });
        if sequence > 1 {
            spec["previousSha256"] = json!(end.digest);
        }
        if sequence == 4 {
            spec["facts"] = json!("{\"mesh\":{\"labels\":{\"team\":\"für\"}}}");
        }
        if sequence == 3 {
            spec["decision"]["askedSha256"] = json!("a5");
            spec["decision"]["people"] = json!([
                { "user": "alice", "message": "CHG-1", "time": "2026-11-29T09:59:00Z" },
                { "user": "鍵 \"bob\"", "time": "2026-11-29T10:00:00.5Z" },
            ]);
        }
        if sequence == 2 {
            spec.as_object_mut().unwrap().remove("prepared");
            spec["decision"]["verdict"] = json!("Denied");
            spec["decision"].as_object_mut().unwrap().remove("message");
        }
        let entry: IssuanceRecordSpec = serde_json::from_value(spec.clone()).unwrap();
        end = End::after(&entry);
        last = spec.clone();
        items.push(json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "IssuanceRecord",
            "metadata": { "name": format!("istio.demo.{sequence}"), "namespace": EAST }, "spec": spec,
        }));
    }
    items.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("meshroot-ledger.{EAST}"), "namespace": "meshroot-system" },
        "data": { "entry": last.to_string() },
    }));
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn checkpoint(export: &Value) -> Value {
    let last: IssuanceRecordSpec =
        serde_json::from_value(export["items"][3]["spec"].clone()).unwrap();
    json!({
        "apiVersion": "cli.meshroot.dev/v1", "kind": "LedgerCheckpoint", "time": "2026-11-29T11:00:00Z",
        "ledgers": [{ "namespace": EAST, "sequence": 4, "sha256": digest(&last).to_string() }],
    })
}

/// Whether ours finds a fault, and whether the other one does; with what ours says.
fn verdicts(directory: &TempDir, export: &Value, checkpoint: Option<&str>) -> (bool, bool, String) {
    let ledger = file(directory, "ledger.json", export.to_string());
    let held = checkpoint.map_or(Vec::new(), |file| vec!["--checkpoint", file]);
    let ours = run(
        None,
        &[&["audit", "verify", "--file", ledger.to_str().unwrap()], held.as_slice()].concat(),
    );
    let mut python = Command::new("python3");
    python.arg(OTHER).args(checkpoint).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut other = python.spawn().unwrap();
    other.stdin.take().unwrap().write_all(export.to_string().as_bytes()).unwrap();
    let other = other.wait().unwrap().code();
    assert!(matches!((ours.code, other), (0 | 1, Some(0 | 1))), "{other:?} {}", ours.err);
    (ours.code == 1, other == Some(1), ours.out)
}

type Edit = fn(&mut Value);

#[test]
fn two_verifiers_find_the_same_edits() {
    let directory = tempfile::tempdir().unwrap();
    let whole = export();
    let kept = file(&directory, "checkpoint.json", checkpoint(&whole).to_string());
    let kept = kept.to_str().unwrap();
    assert_eq!(verdicts(&directory, &whole, None), (false, false, String::new()));
    assert_eq!(verdicts(&directory, &whole, Some(kept)), (false, false, String::new()));
    let edits: &[(&str, Edit)] = &[
        ("/items/0/spec/decision/message", |it| *it = json!("CHG-4712")),
        ("/items/1/spec/decision/verdict", |it| *it = json!("Approved")),
        ("/items/2/spec/csrSha256", |it| *it = json!("c1")),
        ("/items/3/spec/prepared/notAfter", |it| *it = json!("2028-02-27T10:00:00Z")),
        ("/items/3/spec/fence", |it| *it = json!(4)),
        ("/items/1/spec/sequence", |it| *it = json!(3)),
        ("/items/2/metadata/name", |it| *it = json!("another")),
        ("/items/2/spec/virtualMeshRef/namespace", |it| *it = json!("")),
        ("/items", |it| drop(it.as_array_mut().unwrap().remove(0))),
        ("/items", |it| drop(it.as_array_mut().unwrap().remove(2))),
        ("/items", |it| drop(it.as_array_mut().unwrap().remove(3))),
        ("/items/3/spec/decision/by", |it| *it = json!("policy")),
        ("/items/3/spec/facts", |it| *it = json!("{}")),
        ("/items/2/spec/decision/people/1/user", |it| *it = json!("eve")),
        ("/items/2/spec/decision/people/0/message", |it| *it = json!("")),
        ("/items/2/spec/decision/people/0/time", |it| *it = json!("2026-11-29T09:59:01Z")),
        ("/items/2/spec/decision/people", |it| drop(it.as_array_mut().unwrap().remove(1))),
        ("/items/2/spec/decision/people", |it| it.as_array_mut().unwrap().reverse()),
        ("/items/2/spec/decision/people", |it| *it = json!([])),
        ("/items/2/spec/decision/askedSha256", |it| *it = json!("")),
    ];
    for (pointer, edit) in edits {
        let mut edited = whole.clone();
        edit(edited.pointer_mut(pointer).unwrap());
        let (ours, other, said) = verdicts(&directory, &edited, None);
        assert!(
            ours && other && said.starts_with(&format!("{EAST}: ")),
            "{pointer}: {ours} {other} {said}"
        );
    }
    // Record, ConfigMap and all.
    let mut forged = whole.clone();
    forged["items"][3]["spec"]["decision"]["by"] = json!("policy");
    forged["items"][4]["data"]["entry"] = json!(forged["items"][3]["spec"].to_string());
    assert_eq!(verdicts(&directory, &forged, None), (false, false, String::new()));
    let (ours, other, said) = verdicts(&directory, &forged, Some(kept));
    assert!(
        ours && other && said.contains("record istio.demo.4 is not what was written"),
        "{said}"
    );
    let gone = json!({ "items": [] });
    let (ours, other, said) = verdicts(&directory, &gone, Some(kept));
    assert!(ours && other && said.contains("ends at number 0"), "{said}");
}

#[test]
fn a_ledger_whose_end_nothing_says_is_told_of_and_what_is_no_ledger_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut bare = export();
    bare["items"].as_array_mut().unwrap().pop();
    let bare = file(&directory, "bare.json", bare.to_string());
    let shown = run(None, &["audit", "verify", "-f", bare.to_str().unwrap()]);
    has(&shown.err, &["no fault among 4 records in 1 ledger", &format!("cannot be told: {EAST}")]);
    let shown = run(None, &["audit", "verify", "-o", "json", "-f", bare.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&answer["ledgers"][0]["records"], &answer["faults"]), (&json!(4), &json!([])));
    for (text, says) in [
        ("{}", "it has no list of objects (items)"),
        ("{", "cannot be read: EOF"),
        (
            r#"{"items": [{"kind": "IssuanceRecord", "metadata": {"name": "a"}}]}"#,
            "object 1, a: missing field",
        ),
        (
            r#"{"items": [{"kind": "ConfigMap", "metadata": {"name": "meshroot-ledger.a"}}]}"#,
            "ConfigMap meshroot-ledger.a does not hold the entry of a ledger",
        ),
    ] {
        let wrong = file(&directory, "wrong.json", text);
        has(&run(None, &["audit", "verify", "-f", wrong.to_str().unwrap()]).no(1), &[says]);
    }
    let other = json!({ "apiVersion": "v1", "kind": "List", "time": "2026-11-29T11:00:00Z", "ledgers": [] });
    let other = file(&directory, "other.json", other.to_string());
    let asked =
        ["audit", "verify", "-f", bare.to_str().unwrap(), "--checkpoint", other.to_str().unwrap()];
    has(
        &run(None, &asked).no(1),
        &["it is a List of v1, not a LedgerCheckpoint of cli.meshroot.dev/v1"],
    );
}

#[test]
fn what_is_read_again_as_json_is_not_printed_otherwise() {
    for command in ["export", "checkpoint"] {
        let shown = run(None, &["audit", command, "-o", "yaml"]);
        has(&shown.no(2), &["leave -o yaml out"]);
    }
}
