//! Whether the peers of a virtual mesh accept a chain.

use jiff::Timestamp;
use meshroot_core::meshes::{Finding, istio};
use meshroot_pki::{Certificate, PathError, PathOptions, Purpose, build_path};
use serde_json::{Value, json};

use crate::{Sheet, age};

/// Roots and the meshes that are to use them.
pub struct Anchors {
    /// Names of the meshes, or of the file that the roots were read from.
    pub whose: Vec<String>,
    /// The roots.
    pub roots: Vec<Certificate>,
}

/// What those who use some [`Anchors`] make of a chain.
pub struct Verdict {
    whose: String,
    path: Result<Vec<Certificate>, PathError>,
    findings: Vec<Finding>,
}

impl Verdict {
    /// Judges as the strictest of them would at the time `at`: `chain` has the certificate in question first.
    pub fn of(chain: &[Certificate], anchors: &Anchors, purpose: Purpose, at: Timestamp) -> Self {
        let whose = anchors.whose.join(", ");
        let Some((first, rest)) = chain.split_first() else {
            return Self { whose, path: Ok(Vec::new()), findings: Vec::new() };
        };
        let path = build_path(first, rest, &anchors.roots, &PathOptions::new(at, purpose));
        // What Istio takes and peers break on is a matter of the intermediate and what is above it.
        let authorities = if first.is_ca() { chain } else { rest };
        let findings = match authorities {
            [] => Vec::new(),
            [only] if anchors.roots.contains(only) => Vec::new(),
            authorities => istio::lint(authorities, &anchors.roots, at),
        };
        let findings = findings.into_iter().filter(|it| it.rule != "path" || path.is_ok());
        Self { whose, findings: findings.collect(), path }
    }

    /// Who judged.
    pub fn whose(&self) -> &str {
        &self.whose
    }

    /// Whether the chain is accepted.
    pub fn accepted(&self) -> bool {
        self.path.is_ok() && self.findings.is_empty()
    }

    /// What is wrong; empty where nothing is.
    pub fn problem(&self) -> String {
        if let Err(error) = &self.path {
            return error.to_string();
        }
        let messages = self.findings.iter().map(|finding| finding.message.as_str());
        messages.collect::<Vec<_>>().join("; ")
    }
}

/// The verdicts for people.
pub fn sheet(verdicts: &[Verdict], at: Timestamp) -> Sheet {
    let mut sheet = Sheet::default();
    for verdict in verdicts {
        let answer = if verdict.accepted() { "accepted" } else { "NOT ACCEPTED" };
        sheet.heading(format!("{}: {answer} ({})", verdict.whose, age::date(at)));
        match &verdict.path {
            Ok(path) => add_path(&mut sheet, path, at),
            Err(error) => sheet.field("no path", error.to_string()),
        }
        for finding in &verdict.findings {
            sheet.field("PROBLEM", format!("{}: {}", finding.rule, finding.message));
        }
    }
    sheet
}

/// The verdicts for programs.
pub fn document(verdicts: &[Verdict]) -> Value {
    let verdict = |verdict: &Verdict| {
        let path = verdict.path.as_ref().map(Vec::as_slice).unwrap_or_default();
        let path: Vec<_> =
            path.iter().map(|certificate| certificate.fingerprint().to_string()).collect();
        let finding = |it: &Finding| json!({ "rule": it.rule, "message": it.message });
        json!({
            "meshes": verdict.whose,
            "accepted": verdict.accepted(),
            "path": path,
            "error": verdict.path.as_ref().err().map(ToString::to_string),
            "findings": verdict.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    };
    json!({
        "accepted": verdicts.iter().all(Verdict::accepted),
        "verdicts": verdicts.iter().map(verdict).collect::<Vec<_>>(),
    })
}

fn add_path(sheet: &mut Sheet, path: &[Certificate], at: Timestamp) {
    for (index, certificate) in path.iter().enumerate() {
        let subject = certificate.subject().to_string();
        let subject = if subject.is_empty() { "(empty subject)" } else { &subject };
        let until = age::with_distance(certificate.not_after(), at);
        let values = [format!("{subject}, until {until}"), certificate.fingerprint().to_string()];
        sheet.fields(role(index, path.len()), &values);
    }
}

fn role(index: usize, length: usize) -> &'static str {
    match index {
        0 if length == 1 => "root",
        0 => "first",
        _ if index + 1 == length => "root",
        _ => "issued by",
    }
}
