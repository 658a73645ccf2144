//! Whether the peers of a virtual mesh accept a chain.

use jiff::Timestamp;
use meshroot_core::meshes::{Finding, istio};
use meshroot_pki::{
    Certificate, Coverage, PathError, PathOptions, Purpose, RevocationList, build_path,
    check_revocation,
};
use serde_json::{Value, json};

use crate::{Sheet, age};

/// Roots and the meshes that are to use them.
pub struct Anchors {
    /// Names of the meshes, or of the file that the roots were read from.
    pub whose: Vec<String>,
    /// The roots.
    pub roots: Vec<Certificate>,
}

/// Revocation lists that a chain is held against.
pub struct Revocations {
    /// The lists; where there are none, nothing is asked.
    pub lists: Vec<RevocationList>,
    /// For whom there must be one.
    pub coverage: Coverage,
}

/// What those who use some [`Anchors`] make of a chain.
pub struct Verdict {
    whose: String,
    path: Result<Vec<Certificate>, PathError>,
    findings: Vec<Finding>,
    advice: Vec<Finding>,
}

impl Verdict {
    /// Judges as the strictest of them would at the time `at`: `chain` has the certificate in question first.
    pub fn of(
        chain: &[Certificate],
        anchors: &Anchors,
        revocations: &Revocations,
        purpose: Purpose,
        at: Timestamp,
    ) -> Self {
        let whose = anchors.whose.join(", ");
        let nothing = Vec::new;
        let Some((first, rest)) = chain.split_first() else {
            return Self { whose, path: Ok(Vec::new()), findings: nothing(), advice: nothing() };
        };
        let path = build_path(first, rest, &anchors.roots, &PathOptions::new(at, purpose));
        let Revocations { lists, coverage } = revocations;
        let stands =
            path.and_then(|path| check_revocation(&path, lists, *coverage, at).map(|()| path));
        let path = match stands {
            Ok(path) => path,
            Err(error) => {
                return Self { whose, path: Err(error), findings: nothing(), advice: nothing() };
            }
        };
        // What Istio takes and peers break on is a matter of the intermediate and what is above it.
        let intermediate = path.iter().find(|one| one.is_ca() && !anchors.roots.contains(one));
        let findings = match intermediate {
            Some(intermediate) => {
                let candidates = [std::slice::from_ref(intermediate), chain].concat();
                istio::lint(&candidates, &anchors.roots, at)
            }
            None if path.len() == 1 && rest.iter().any(|one| one != first) => {
                vec![root_first(first)]
            }
            None => nothing(),
        };
        Self { whose, advice: istio::advice(chain, &path), path: Ok(path), findings }
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

/// Peers judge what stands first, whatever follows it.
fn root_first(root: &Certificate) -> Finding {
    let message = format!(
        "the file begins with the root {}; put the certificate in question first and the root last, or leave it out",
        root.subject()
    );
    Finding { rule: "root-first", message }
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
        for finding in &verdict.advice {
            sheet.field("warning", format!("{}: {}", finding.rule, finding.message));
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
        let listed = |findings: &[Finding]| {
            let finding = |it: &Finding| json!({ "rule": it.rule, "message": it.message });
            findings.iter().map(finding).collect::<Vec<_>>()
        };
        json!({
            "meshes": verdict.whose,
            "accepted": verdict.accepted(),
            "path": path,
            "error": verdict.path.as_ref().err().map(ToString::to_string),
            "findings": listed(&verdict.findings),
            "warnings": listed(&verdict.advice),
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
