//! What the demo showed: for people as lines, for programs as one document.

use std::time::Duration;

use jiff::Timestamp;
use meshroot_api::MeshTrust;
use meshroot_pki::{Certificate, parse_bundle};
use serde_json::{Value, json};

use super::handshake::Handshake;
use super::member::Member;
use meshroot_view::{Table, age};

/// Everything that was shown.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each step, with what was done and how long it took.
    pub steps: Vec<Step>,
    /// One row for each mesh.
    pub trust: Vec<Row>,
    /// Every handshake that was tried.
    pub handshakes: Vec<Handshake>,
    /// From the start of the program until trust was established.
    pub established: Option<Duration>,
    /// How the root was replaced, where that was asked for.
    pub rotation: Option<Rotated>,
}

/// How the root was replaced.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// How many handshakes were tried meanwhile.
    pub handshakes: usize,
    /// Those that were refused.
    pub refused: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is about: `hub`, a mesh.
    pub about: String,
    /// What was done.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

/// The trust of one mesh.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub mesh: String,
    /// Its cluster.
    pub cluster: String,
    /// The request whose certificate is in use.
    pub request: String,
    /// Common name of the root that issued it.
    pub issuer: String,
    /// Kind of the root's key.
    pub root_key: String,
    /// SHA-256 of the root that the mesh has loaded, in hex.
    pub root: String,
    /// End of the intermediate.
    pub expires: Option<Timestamp>,
    /// Whether the mesh uses it: `confirmed`.
    pub loaded: String,
    /// What this was seen by.
    pub witness: Option<String>,
}

impl Row {
    pub(super) fn read(member: &Member, trust: &MeshTrust) -> Self {
        let status = trust.status.clone().unwrap_or_default();
        let loaded = status.loaded.unwrap_or_default();
        let root = root(trust);
        let not_known = || "unknown".to_owned();
        Self {
            mesh: member.mesh.clone(),
            cluster: member.cluster.clone(),
            request: loaded.request,
            issuer: root.as_ref().map_or_else(not_known, common_name),
            root_key: root.as_ref().map_or_else(not_known, |root| root.public_key().kind_name()),
            root: loaded.roots.into_iter().next().unwrap_or_default(),
            expires: loaded.not_after.map(|time| time.0),
            loaded: spaced(status.pickup.word()),
            witness: status.witness.map(|witness| spaced(witness.word())),
        }
    }
}

/// `WorkloadCertificate` as people write it.
fn spaced(word: &str) -> String {
    let mut words = String::new();
    for letter in word.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// The root that signs, as the mesh is told to trust it.
pub(super) fn root(trust: &MeshTrust) -> Option<Certificate> {
    parse_bundle(trust.spec.trust_anchors.as_bytes()).ok()?.into_iter().next()
}

fn common_name(certificate: &Certificate) -> String {
    let subject = certificate.subject().to_string();
    let name =
        subject.split(',').find_map(|part| part.trim().strip_prefix("CN=")).map(str::to_owned);
    name.unwrap_or(subject)
}

impl Report {
    /// The table of the trust.
    pub fn table(&self, now: Timestamp) -> Table {
        let mut table = Table::new(&["MESH", "ISSUER", "EXPIRES", "LOADED", "ROOT"]);
        for row in &self.trust {
            let seen =
                row.witness.as_ref().map_or_else(String::new, |witness| format!(" by a {witness}"));
            table.push(vec![
                row.mesh.clone(),
                row.issuer.clone(),
                row.expires.map_or_else(String::new, |end| age::short(end.duration_since(now))),
                format!("{}{seen}", row.loaded),
                row.root.chars().take(16).collect(),
            ]);
        }
        table
    }

    /// The document; `kubeconfig` where it outlives this program's answer.
    pub fn document(&self, kubeconfig: Option<&str>) -> Value {
        json!({
            "established": self.established.is_some(),
            "seconds": self.established.map(seconds),
            "steps": self.steps.iter().map(|step| json!({
                "about": step.about, "text": step.text, "seconds": seconds(step.took),
            })).collect::<Vec<_>>(),
            "trust": self.trust.iter().map(|row| json!({
                "mesh": row.mesh, "cluster": row.cluster, "request": row.request, "issuer": row.issuer,
                "rootKey": row.root_key, "rootSha256": row.root, "expires": row.expires.map(|end| end.to_string()),
                "loaded": row.loaded, "witness": row.witness,
            })).collect::<Vec<_>>(),
            "handshakes": self.handshakes.iter().map(|one| json!({
                "from": one.from, "to": one.to, "ok": one.refused.is_none(), "refused": one.refused,
                "seconds": seconds(one.took),
            })).collect::<Vec<_>>(),
            "rotation": self.rotation.as_ref().map(|rotation| json!({
                "handshakes": rotation.handshakes, "refused": rotation.refused, "seconds": seconds(rotation.took),
            })),
            "kubeconfig": kubeconfig,
        })
    }
}

/// Milliseconds are what was measured with any meaning.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}
