//! `certval-verify` says what certval makes of certificate chains: a line of JSON in, a line out.

use std::io::{BufRead as _, BufWriter, Write as _};

use base64ct::{Base64, Encoding as _};
use certval::{
    CertificateChain, CertificationPath, CertificationPathResults, CertificationPathSettings,
    PDVCertificate, PDVTrustAnchorChoice, PkiEnvironment, TimeOfInterest,
};
use serde::Deserialize;

/// A chain, each certificate as base64 of its DER, and what it is for.
#[derive(Deserialize)]
struct Question {
    leaf: String,
    /// From the issuer of the leaf upwards.
    intermediates: Vec<String>,
    roots: Vec<String>,
    client: bool,
    now: u64,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut environment = PkiEnvironment::default();
    environment.populate_5280_pki_environment();
    let mut answers = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        match question.verify(&environment) {
            Ok(()) => writeln!(answers, "ok")?,
            Err(error) => writeln!(answers, "{:?}", error.to_string())?,
        }
    }
    Ok(answers.flush()?)
}

impl Question {
    /// certval judges a path and leaves its building to others: accepted is what has an acceptable
    /// path. Where none is, the longest one is explained.
    fn verify(&self, environment: &PkiEnvironment) -> Result<(), Failure> {
        let settings = self.settings()?;
        let mut failures = Vec::new();
        for root in &self.roots {
            for length in (0..=self.intermediates.len()).rev() {
                let path = self.path(root, length)?;
                let mut results = CertificationPathResults::new();
                match environment.validate_path(environment, &settings, &path, &mut results) {
                    Ok(()) => return Ok(()),
                    Err(error) => failures.push(error.to_string()),
                }
            }
        }
        Err(failures.into_iter().next().unwrap_or_default().into())
    }

    fn settings(&self) -> Result<CertificationPathSettings, Failure> {
        let purpose = if self.client { "1.3.6.1.5.5.7.3.2" } else { "1.3.6.1.5.5.7.3.1" };
        let mut settings = CertificationPathSettings::new();
        settings.set_time_of_interest(TimeOfInterest::from_unix_secs(self.now)?);
        settings.set_extended_key_usage(vec![purpose.to_owned()]);
        settings.set_extended_key_usage_path(true);
        settings.set_enforce_trust_anchor_constraints(true);
        settings.set_enforce_trust_anchor_validity(true);
        // The anchor comes with the question.
        settings.set_require_ta_store(false);
        Ok(settings)
    }

    fn path(&self, root: &str, length: usize) -> Result<CertificationPath, Failure> {
        let anchor = PDVTrustAnchorChoice::try_from(Base64::decode_vec(root)?.as_slice())?;
        // certval wants the anchor's side first.
        let intermediates = self.intermediates[..length].iter().rev();
        let intermediates: Result<CertificateChain, Failure> =
            intermediates.map(|text| certificate(text)).collect();
        Ok(CertificationPath::new(anchor, intermediates?, certificate(&self.leaf)?))
    }
}

fn certificate(text: &str) -> Result<PDVCertificate, Failure> {
    Ok(PDVCertificate::try_from(Base64::decode_vec(text)?.as_slice())?)
}
