//! The digest that holds the records of a ledger together.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::record::{
    Decision, IssuanceRecordSpec, Person, PreparedCertificate, RecordedRequest, Verdict,
};
use meshroot_api::shared::ResourceRef;
use meshroot_pki::Fingerprint;
use serde_json::Value;

/// Where a ledger ends, or ended once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Number of the entry; 0 before the first.
    pub sequence: u64,
    /// Its digest, empty before the first.
    pub digest: String,
}

impl End {
    /// The end after this entry.
    pub fn after(entry: &IssuanceRecordSpec) -> Self {
        Self { sequence: entry.sequence, digest: digest(entry).to_string() }
    }
}

/// SHA-256 over the canonical text of an entry: what the entry after it in the same namespace carries.
///
/// The text is a JSON object without spaces, its fields in the order below, empty texts and lists left out, times in whole
/// seconds, the verdict in capitals as it was spelled once. It is written here field by field, so that a change of the types
/// changes no digest. That of an entry that has a field of version 2 begins with a line that says so; every other entry
/// is of version 1, which ledgers of former releases are written with. A further field needs version 3.
pub fn digest(entry: &IssuanceRecordSpec) -> Fingerprint {
    Fingerprint::of(canonical(entry).as_bytes())
}

const VERSION_2: &str = "meshroot record v2\n";

fn canonical(entry: &IssuanceRecordSpec) -> String {
    let decision = &entry.decision;
    let is_first =
        decision.people.is_empty() && decision.asked_sha256.is_empty() && entry.facts.is_empty();
    let version = if is_first { "" } else { VERSION_2 };
    format!("{version}{}", object(entry))
}

fn object(entry: &IssuanceRecordSpec) -> String {
    let IssuanceRecordSpec {
        request: RecordedRequest { name, uid },
        virtual_mesh_ref,
        csr_sha256,
        public_key_sha256,
        decision,
        prepared,
        facts,
        sequence,
        previous_sha256,
        fence,
    } = entry;
    let mut object = Object::default();
    object
        .field("request", &Object::default().text("name", name).text("uid", uid).to_json())
        .field("virtualMeshRef", &reference(virtual_mesh_ref))
        .text("csrSha256", csr_sha256)
        .text("publicKeySha256", public_key_sha256)
        .field("decision", &of_decision(decision));
    if let Some(prepared) = prepared {
        object.field("prepared", &of_prepared(prepared));
    }
    object
        .text_if_any("facts", facts)
        .field("sequence", &sequence.to_string())
        .text_if_any("previousSha256", previous_sha256)
        .field("fence", &fence.to_string())
        .to_json()
}

fn reference(ResourceRef { name, namespace, cluster }: &ResourceRef) -> String {
    Object::default()
        .text_if_any("name", name)
        .text_if_any("namespace", namespace)
        .text_if_any("cluster", cluster)
        .to_json()
}

fn of_decision(decision: &Decision) -> String {
    let Decision { verdict, by, message, time, people, asked_sha256 } = decision;
    let verdict = match verdict {
        Verdict::Approved => "APPROVED",
        Verdict::Denied => "DENIED",
        Verdict::Revoked => "REVOKED",
    };
    let mut object = Object::default();
    object
        .text("verdict", verdict)
        .text("by", by)
        .text_if_any("message", message)
        .text("time", &seconds(time));
    if !people.is_empty() {
        let people: Vec<_> = people.iter().map(of_person).collect();
        object.field("people", &format!("[{}]", people.join(",")));
    }
    object.text_if_any("askedSha256", asked_sha256).to_json()
}

fn of_person(Person { user, message, time }: &Person) -> String {
    Object::default()
        .text("user", user)
        .text_if_any("message", message)
        .text("time", &seconds(time))
        .to_json()
}

fn of_prepared(prepared: &PreparedCertificate) -> String {
    let PreparedCertificate {
        serial,
        tbs_sha256,
        issuer_sha256,
        not_before,
        not_after,
        profile_sha256,
    } = prepared;
    Object::default()
        .text("serial", serial)
        .text("tbsSha256", tbs_sha256)
        .text("issuerSha256", issuer_sha256)
        .text("notBefore", &seconds(not_before))
        .text("notAfter", &seconds(not_after))
        .text("profileSha256", profile_sha256)
        .to_json()
}

/// As the API writes times.
fn seconds(time: &Time) -> String {
    time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A JSON object in the making.
#[derive(Default)]
struct Object(Vec<String>);

impl Object {
    fn field(&mut self, name: &str, json: &str) -> &mut Self {
        self.0.push(format!("\"{name}\":{json}"));
        self
    }

    fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.field(name, &Value::from(text).to_string())
    }

    fn text_if_any(&mut self, name: &str, text: &str) -> &mut Self {
        if text.is_empty() { self } else { self.text(name, text) }
    }

    fn to_json(&self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> IssuanceRecordSpec {
        let time = |second| Time(jiff::Timestamp::from_second(second).unwrap());
        IssuanceRecordSpec {
            request: RecordedRequest { name: "a.demo.1".into(), uid: "0a1b".into() },
            virtual_mesh_ref: ResourceRef::new("demo", "meshroot-system"),
            csr_sha256: "c0".into(),
            public_key_sha256: "d0".into(),
            decision: Decision {
                verdict: Verdict::Approved,
                by: "policy".into(),
                message: "a \"quoted\" reason\\\n\u{1}\u{7f}ü😀\u{200b}".into(),
                time: time(1_795_000_000),
                people: Vec::new(),
                asked_sha256: String::new(),
            },
            prepared: Some(PreparedCertificate {
                serial: "7f".into(),
                tbs_sha256: "e0".into(),
                issuer_sha256: "f0".into(),
                not_before: time(1_795_000_000),
                not_after: time(1_802_776_000),
                profile_sha256: "a0".into(),
            }),
            facts: String::new(),
            sequence: 2,
            previous_sha256: "b0".into(),
            fence: 3,
        }
    }

    #[test]
    fn a_digest_never_changes() {
        let text = canonical(&entry());
        assert!(
            text.starts_with(
                r#"{"request":{"name":"a.demo.1","uid":"0a1b"},"virtualMeshRef":{"name":"demo","namespace":"meshroot-system"},"csrSha256":"c0","#
            ),
            "{text}"
        );
        assert!(text.ends_with(r#""sequence":2,"previousSha256":"b0","fence":3}"#), "{text}");
    }

    #[test]
    fn who_approved_is_in_the_digest_of_the_second_version_and_nobody_leaves_it_as_it_was() {
        let decided = entry().decision;
        let person = |user: &str, message: &str| Person {
            user: user.into(),
            message: message.into(),
            time: decided.time.clone(),
        };
        let people = vec![person("alice", "CHG-1"), person("bob", "")];
        let decision = Decision { people, asked_sha256: "a5".into(), ..decided.clone() };
        let text = canonical(&IssuanceRecordSpec { decision, ..entry() });
        assert!(text.starts_with("meshroot record v2\n{\"request\""), "{text}");
        let expected = r#""time":"2026-11-18T11:06:40Z","people":[{"user":"alice","message":"CHG-1","time":"2026-11-18T11:06:40Z"},{"user":"bob","time":"2026-11-18T11:06:40Z"}],"askedSha256":"a5"},"prepared""#;
        assert!(text.contains(expected), "{text}");
        let text = canonical(&IssuanceRecordSpec { facts: "{\"csr\":{}}".into(), ..entry() });
        assert!(text.starts_with("meshroot record v2\n{"), "{text}");
        assert!(text.contains(r#","facts":"{\"csr\":{}}","sequence":2,"#), "{text}");
        assert!(canonical(&entry()).starts_with('{'));
    }

    #[test]
    fn what_is_revoked_has_a_word_of_its_own() {
        let revoked = Decision { verdict: Verdict::Revoked, ..entry().decision };
        let text = canonical(&IssuanceRecordSpec { decision: revoked, ..entry() });
        assert!(text.contains(r#""decision":{"verdict":"REVOKED","by":"#), "{text}");
    }

    /// What hubs of before hashed: the entry as the types serialize it.
    #[test]
    fn a_digest_is_what_earlier_hubs_wrote() {
        let denied =
            Decision { verdict: Verdict::Denied, message: String::new(), ..entry().decision };
        let elsewhere = ResourceRef { cluster: "east".into(), ..ResourceRef::new("demo", "") };
        for entry in [
            entry(),
            IssuanceRecordSpec { prepared: None, decision: denied, ..entry() },
            IssuanceRecordSpec { previous_sha256: String::new(), sequence: 1, ..entry() },
            IssuanceRecordSpec { virtual_mesh_ref: elsewhere, ..entry() },
        ] {
            let serialized = serde_json::to_string(&entry).unwrap();
            let former = serialized
                .replace(r#""Approved""#, r#""APPROVED""#)
                .replace(r#""Denied""#, r#""DENIED""#);
            assert_eq!(canonical(&entry), former);
        }
    }
}
