//! What was found in a file, a Secret or a request.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::{REQUEST_ANNOTATION, is_ours};
use meshroot_pki::{Certificate, Item, PemFile};
use serde_json::{Value, json};

use super::facts;
use super::layout::{self, Check, Standing};
use crate::{Sheet, full_name};

/// What was found, and whether it fits together.
pub struct Inspection {
    parts: Vec<Part>,
    notes: Vec<(&'static str, String)>,
    checks: Vec<Check>,
}

/// One file, or one key of an object.
struct Part {
    title: String,
    file: PemFile,
}

impl Inspection {
    /// Of a file.
    pub fn of_file(title: &str, bytes: &[u8]) -> Self {
        Self { parts: vec![Part::read(title, bytes)], notes: Vec::new(), checks: Vec::new() }
    }

    /// Of a Secret: each key in which there is something, and what a mesh that reads its CA from there makes of it.
    pub fn of_secret(secret: &Secret, now: Timestamp) -> Self {
        let data = secret.data.clone().unwrap_or_default();
        let parts = data.iter().map(|(key, bytes)| Part::read(key, &bytes.0));
        let layout = layout::of(&secret.name_any(), &data);
        let layout_name = layout.map_or("none that a mesh reads its CA from", |layout| layout.name);
        Self {
            parts: parts.filter(|part| !part.file.items.is_empty()).collect(),
            notes: vec![
                ("Secret", full_name(&secret.metadata)),
                ("Type", secret.type_.clone().unwrap_or_default()),
                ("Layout", layout_name.to_owned()),
                ("Written by", owner(secret)),
            ],
            checks: layout.map(|layout| layout::check(layout, &data, now)).unwrap_or_default(),
        }
    }

    /// Of a request: its CSR and the certificates that answer it.
    pub fn of_request(request: &Request) -> Self {
        let response = request.status_or_default().response;
        let fields = [
            ("spec.csrData", &request.spec.csr_data),
            ("status.response.caCertificate", &response.ca_certificate),
            ("status.response.rootCertificate", &response.root_certificate),
        ];
        let there = fields.into_iter().filter(|(_, bytes)| !bytes.0.is_empty());
        Self {
            parts: there.map(|(title, bytes)| Part::read(title, &bytes.0)).collect(),
            notes: vec![("Request", full_name(&request.metadata))],
            checks: Vec::new(),
        }
    }

    /// Where was looked.
    pub fn titles(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.title.as_str()).collect()
    }

    /// Whether no certificate, revocation list, request or key was found.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.file.items.is_empty())
    }

    /// The first thing that is wrong: a check that fails, or something that cannot be read.
    pub fn problem(&self) -> Option<String> {
        let failed = self.checks.iter().find(|check| check.standing == Standing::Problem);
        let unreadable = |part: &Part| {
            part.file.items.iter().find_map(|item| match item {
                Item::Unreadable { label, why } => Some(format!("{}: {label}: {why}", part.title)),
                _ => None,
            })
        };
        failed.map(|check| check.message.clone()).or_else(|| self.parts.iter().find_map(unreadable))
    }

    /// For people.
    pub fn sheet(&self, now: Timestamp) -> Sheet {
        let mut sheet = Sheet::default();
        for (title, value) in &self.notes {
            sheet.field(title, value);
        }
        self.parts.iter().for_each(|part| part.fill(&mut sheet, now));
        if !self.checks.is_empty() {
            sheet.heading("Checks");
            for check in &self.checks {
                let title = match check.standing {
                    Standing::Good => "ok",
                    Standing::Warning => "warning",
                    Standing::Problem => "PROBLEM",
                };
                sheet.field(title, &check.message);
            }
        }
        sheet
    }

    /// For programs.
    pub fn document(&self, now: Timestamp) -> Value {
        let parts: Vec<Value> = self.parts.iter().map(|part| part.document(now)).collect();
        let check = |it: &Check| {
            let (ok, warning) =
                (it.standing != Standing::Problem, it.standing == Standing::Warning);
            json!({ "ok": ok, "warning": warning, "message": it.message })
        };
        json!({ "parts": parts, "checks": self.checks.iter().map(check).collect::<Vec<_>>() })
    }
}

impl Part {
    fn read(title: &str, bytes: &[u8]) -> Self {
        Self { title: title.to_owned(), file: PemFile::read(bytes) }
    }

    fn fill(&self, sheet: &mut Sheet, now: Timestamp) {
        let certificates = self.file.certificates();
        let all = self.file.items.len();
        for (index, item) in self.file.items.iter().enumerate() {
            let (kind, facts) = facts::item(item, now);
            let place = if all > 1 { format!(" {} of {all}", index + 1) } else { String::new() };
            sheet.heading(format!("{}: {kind}{place}", self.title));
            sheet.facts(&facts);
            if let Item::Certificate(certificate) = item {
                sheet.field("Signed by", signer(certificate, &certificates));
            }
        }
        if self.file.other_lines > 0 {
            let (lines, title) = (self.file.other_lines, &self.title);
            sheet.line(format!(
                "{lines} lines of other text in {title}: meshes do not agree on skipping it"
            ));
        }
    }

    fn document(&self, now: Timestamp) -> Value {
        let item = |item: &Item| {
            let (kind, facts) = facts::item(item, now);
            let mut object = facts::to_json(kind, &facts);
            match item {
                Item::Certificate(it) => facts::for_programs(it, &mut object),
                Item::RevocationList(it) => facts::of_list_for_programs(it, &mut object),
                _ => {}
            }
            object
        };
        let items: Vec<Value> = self.file.items.iter().map(item).collect();
        json!({ "name": self.title, "items": items })
    }
}

fn owner(secret: &Secret) -> String {
    match (is_ours(&secret.metadata), secret.annotations().get(REQUEST_ANNOTATION)) {
        (true, Some(request)) => format!("Meshroot, for request {request}"),
        (true, None) => "Meshroot".to_owned(),
        (false, _) => {
            "somebody else (Meshroot leaves it alone unless the TrustPolicy says adopt: Always)"
                .to_owned()
        }
    }
}

/// Which certificate of the same file signed this one.
fn signer(certificate: &Certificate, others: &[Certificate]) -> String {
    if certificate.is_self_issued() {
        return String::new();
    }
    let signed = |other: &&Certificate| {
        other.subject() == certificate.issuer()
            && certificate.verify_signed_by(other.public_key()).is_ok()
    };
    match others.iter().find(signed) {
        Some(other) => format!("{} (in the same file)", other.subject()),
        None if others.len() > 1 => "none of the certificates beside it".to_owned(),
        None => String::new(),
    }
}
