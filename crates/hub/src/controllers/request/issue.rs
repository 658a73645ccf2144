//! From a checked request to its answer: prepare, record, sign, write.

use std::sync::Arc;

use meshroot_api::record::Decision as Recorded;
use meshroot_api::security::{ApprovalStatus, Response, ThirdPartyApprovalWorkflow};
use meshroot_api::{Asked, Bytes, Reason};
use meshroot_ca::{
    Facts, Issued, Issuer, Order, PrepareError, Prepared, Profile, Recorded as RecordedCertificate,
    Subject,
};
use meshroot_core::issuance::{self, Checked, Consent};
use meshroot_core::membership::Key;
use meshroot_core::{Notice, Refusal};
use meshroot_pki::{Fingerprint, to_bundle};
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::{clock, crash};
use tokio::time::Instant;

use super::{Place, write};
use crate::authority::{Root, Roots};
use crate::controllers::{profile, revocation};
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::facts;
use crate::modes::Mode;

impl Place {
    /// Signs what the ledger says, after a crash or under another leader.
    pub(super) async fn resume(&self, hub: &Hub, checked: &Checked) -> Result<Outcome, HubError> {
        let Some(record) = self.record.as_ref() else { return Ok(Outcome::Done) };
        let recorded = record.spec.prepared.as_ref().and_then(facts);
        self.issue(hub, checked, record.spec.decision.clone(), recorded).await
    }

    pub(super) async fn issue(
        &self,
        hub: &Hub,
        checked: &Checked,
        decision: Recorded,
        recorded: Option<Facts>,
    ) -> Result<Outcome, HubError> {
        let (signing, prepared) = match self.prepare(hub, checked, &decision, recorded).await {
            Ok(prepared) => prepared,
            Err(HubError::Refused(refusal)) => return self.refuse(hub, refusal).await,
            Err(error) => return Err(error),
        };
        let entry = self.entry(hub, checked.csr(), decision.clone());
        crash::point("hub-before-record");
        let certificate = prepared.record(&entry).await?;
        hub.budgets.recorded(&self.key, clock::now());
        crash::point("hub-after-record");
        let issued = match self.sign(hub, certificate, &signing.root.issuer).await {
            Ok(issued) => issued,
            Err(refusal) => return self.refuse(hub, refusal).await,
        };
        // Whoever has the answer may take the request away that says why.
        revocation::earlier(hub, &self.request).await?;
        crash::point("hub-before-response");
        self.answer(hub, &issued, signing.answer, &decision).await?;
        crash::point("hub-after-response");
        self.audit(checked, &issued, &decision);
        hub.metrics.decided(Reason::Issued);
        Ok(Outcome::Done)
    }

    /// What a person approved is what was asked for, to the digest. What is in the ledger was held against that before.
    async fn prepare(
        &self,
        hub: &Hub,
        checked: &Checked,
        decision: &Recorded,
        recorded: Option<Facts>,
    ) -> Result<(Signing, Prepared), HubError> {
        let issuer = recorded.as_ref().map(|facts| facts.issuer);
        let signing = self.signing(hub, checked, issuer).await?;
        if recorded.is_none() && decision.by == issuance::THIRD_PARTY {
            Consent::of_approved(&self.request, &signing.asked)?;
        }
        let prepared = prepare(checked, signing.profile, &signing.root.issuer, recorded)?;
        Ok((signing, prepared))
    }

    /// What would be signed now, and with what; or, where it is recorded already, by the issuer that it was recorded for.
    pub(super) async fn signing(
        &self,
        hub: &Hub,
        checked: &Checked,
        recorded: Option<Fingerprint>,
    ) -> Result<Signing, HubError> {
        let (Some(virtual_mesh), Some(policy)) = (&self.virtual_mesh, &self.policy) else {
            let message = "the VirtualMesh or its TrustPolicy is not there yet";
            return Err(Refusal::new(Reason::RootUnavailable, message).into());
        };
        let mode = hub.mode(virtual_mesh, policy).await.map_err(unavailable)?;
        let roots = hub.roots(virtual_mesh, policy).await.map_err(unavailable)?;
        let (root, answer) = self.root(&mode, &roots, recorded)?;
        let profile = profile(policy)?;
        let issuer = root.issuer.certificate();
        let asked = Asked {
            csr_sha256: checked.csr().fingerprint().to_string(),
            profile_sha256: profile.fingerprint().to_string(),
            lifetime: policy.spec.intermediate.ttl,
            path_len: policy.spec.intermediate.path_len,
            issuer: issuer.subject().to_string(),
            issuer_sha256: issuer.fingerprint().to_string(),
            approvals: policy.spec.approval.required(),
        };
        Ok(Signing { root, answer, profile, asked })
    }

    /// The root that signs, and what is answered beside the certificate.
    fn root(
        &self,
        mode: &Mode,
        roots: &Roots,
        recorded: Option<Fingerprint>,
    ) -> Result<(Arc<Root>, Answer), Refusal> {
        let mesh =
            self.mesh.as_ref().map_or_else(|| self.key.clone(), |mesh| Key::of(mesh.as_ref()));
        let of_record = recorded.and_then(|issuer| roots.of_issuer(&issuer));
        let steady = |root: &Root| Answer {
            above: to_bundle(root.issuer.chain()),
            anchors: root.trust.to_bundle(),
        };
        let found = match mode {
            Mode::Steady => {
                of_record.or_else(|| roots.all().next()).map(|(_, root)| (root, steady(root)))
            }
            Mode::Planned(rotation) => {
                let planned = || {
                    let number = rotation.issuer(&mesh)?;
                    Some((number, roots.get(number)?))
                };
                of_record.or_else(planned).map(|(number, root)| {
                    let answer = rotation.answer(&mesh, number);
                    (
                        root,
                        answer.map_or_else(
                            || steady(root),
                            |(above, anchors)| Answer { above, anchors },
                        ),
                    )
                })
            }
        };
        let (root, answer) = found.ok_or_else(|| {
            let message = "the root of the virtual mesh is being replaced, and this mesh cannot be told of a new certificate \
                           yet; it goes on by itself";
            Refusal::new(Reason::RootUnavailable, message)
        })?;
        Ok((Arc::clone(root), answer))
    }

    async fn sign(
        &self,
        hub: &Hub,
        recorded: RecordedCertificate,
        issuer: &Arc<Issuer>,
    ) -> Result<Issued, Refusal> {
        let started = Instant::now();
        let issued = sign(recorded, Arc::clone(issuer)).await?;
        hub.metrics.issued(&self.virtual_mesh_key.to_string(), started.elapsed().as_secs_f64());
        Ok(issued)
    }

    async fn answer(
        &self,
        hub: &Hub,
        issued: &Issued,
        answer: Answer,
        decision: &Recorded,
    ) -> Result<(), HubError> {
        let mut status = self.request.status_or_default();
        status.response = Response {
            ca_certificate: Bytes::from(issued.certificate().to_pem() + &answer.above),
            root_certificate: Bytes::from(answer.anchors),
        };
        if status.third_party_approval.approval_status != ApprovalStatus::Approved {
            status.third_party_approval.approval_status = ApprovalStatus::Approved;
            let by = match decision.people.as_slice() {
                [] => decision.by.clone(),
                people => issuance::names(people),
            };
            status.third_party_approval.message = ThirdPartyApprovalWorkflow::signed(
                ApprovalStatus::Approved,
                &by,
                &decision.message,
            );
            status.third_party_approval.last_updated_time = Some(decision.time.clone());
        }
        status.computed_status = issued_notice(issued).status();
        write(hub, &self.request, status).await?;
        hub.standings.answered(&self.request, Instant::now());
        Ok(())
    }

    fn audit(&self, checked: &Checked, issued: &Issued, decision: &Recorded) {
        let certificate = issued.certificate();
        tracing::info!(
            target: "audit",
            request = %self.key,
            csr_sha256 = %checked.csr().fingerprint(),
            by = decision.by,
            people = %issuance::names(&decision.people),
            why = decision.message,
            serial = %certificate.serial(),
            fingerprint = %certificate.fingerprint(),
            issuer = %certificate.issuer(),
            not_after = %certificate.not_after(),
            "issued"
        );
    }
}

/// What is signed, and with what.
pub(super) struct Signing {
    root: Arc<Root>,
    answer: Answer,
    profile: Profile,
    /// As a person is asked to approve it.
    pub(super) asked: Asked,
}

/// What comes with a certificate, in PEM.
struct Answer {
    /// What is between it and the roots.
    above: String,
    /// The roots that are trusted.
    anchors: String,
}

fn prepare(
    checked: &Checked,
    profile: Profile,
    issuer: &Issuer,
    recorded: Option<Facts>,
) -> Result<Prepared, Refusal> {
    let impossible =
        |error: &dyn std::fmt::Display| Refusal::new(Reason::ProfileImpossible, error.to_string());
    let subject = Subject {
        organization: checked.organization(),
        virtual_mesh: checked.virtual_mesh(),
        mesh: checked.mesh(),
        generation: checked.generation(),
    };
    let order =
        Order::new(checked.request(), subject, profile).map_err(|error| impossible(&error))?;
    let prepared = match recorded {
        Some(facts) => Prepared::resume(order, issuer, &facts),
        None => Prepared::new(order, issuer, clock::now()),
    };
    prepared.map_err(|error| match error {
        PrepareError::RecordMismatch { .. } => {
            Refusal::new(Reason::RecordMismatch, error.to_string())
        }
        error => impossible(&error),
    })
}

async fn sign(recorded: RecordedCertificate, issuer: Arc<Issuer>) -> Result<Issued, Refusal> {
    let failed =
        |error: &dyn std::fmt::Display| Refusal::new(Reason::SigningFailed, error.to_string());
    let now = clock::now();
    if !issuer.signer().is_slow() {
        return recorded.sign(&issuer, now).map_err(|error| failed(&error));
    }
    let signed = tokio::task::spawn_blocking(move || recorded.sign(&issuer, now)).await;
    signed.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

fn issued_notice(issued: &Issued) -> Notice {
    let certificate = issued.certificate();
    let message =
        format!("serial {}, valid until {}", certificate.serial(), certificate.not_after());
    Notice::new(Reason::Issued, message)
}

fn unavailable(error: HubError) -> HubError {
    match error {
        HubError::Refused(refusal) => {
            Refusal::new(Reason::RootUnavailable, refusal.to_string()).into()
        }
        other => other,
    }
}
