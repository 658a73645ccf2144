//! Cross-certificates: name and key of a root, signed by the one that it replaces.

use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use meshroot_api::{Reason, names};
use meshroot_ca::{Facts, Issuer, Ledger, Order, Prepared};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;
use meshroot_pki::{Certificate, parse_bundle};
use meshroot_runtime::kube::write::create_if_absent;
use meshroot_runtime::process::clock;

use super::source::Source;
use super::{Authority, Cross, Further, Owner, Root, secret};
use crate::error::HubError;

impl Authority {
    /// A further root with its cross-certificate, as far as there is one.
    pub(super) async fn with_cross(
        &self,
        owner: &Owner<'_>,
        number: u32,
        root: Root,
        secret: &Secret,
    ) -> Result<Further, HubError> {
        let source = Source::further(&Key::of(owner.virtual_mesh), &self.namespace, number);
        let replaces = secret::replaces(secret).unwrap_or(number.saturating_sub(1));
        let cross = match self.secret(&source.cross()).await? {
            Some(found) => match read(&found, root.issuer.certificate()) {
                Ok(chain) => Cross::Made(chain),
                Err(what) => Cross::Impossible(format!("Secret {}: {what}", source.cross())),
            },
            None => Cross::Missing,
        };
        let replaced_root = secret::replaced_root(secret);
        let is_provided = secret::provided(secret).is_some();
        Ok(Further { number, replaces, replaced_root, is_provided, root: Arc::new(root), cross })
    }

    /// Has `issuer` sign name and key of a root: prepared, linted, recorded, signed, checked, as any certificate, and only
    /// then kept. `recorded`: what the ledger says of it, where a hub got that far before.
    pub(crate) async fn make_cross<L: Ledger<Error = HubError>>(
        &self,
        owner: &Owner<'_>,
        further: &Further,
        issuer: &Arc<Issuer>,
        ledger: &L,
        recorded: Option<Facts>,
    ) -> Result<(), HubError> {
        let key = Key::of(owner.virtual_mesh);
        let certificate = further.root.issuer.certificate();
        let below = owner.policy.spec.intermediate.path_len;
        let order = Order::cross(certificate, issuer, below).map_err(|error| impossible(&error))?;
        let prepared = match recorded {
            Some(facts) => Prepared::resume(order, issuer, &facts),
            None => Prepared::new(order, issuer, clock::now()),
        };
        let prepared = prepared.map_err(|error| impossible(&error))?;
        let recorded = prepared.record(ledger).await?;
        let signer = Arc::clone(issuer);
        let signed =
            tokio::task::spawn_blocking(move || recorded.sign(&signer, clock::now())).await;
        let failed = |error: &dyn std::fmt::Display| {
            Refusal::new(Reason::SigningFailed, format!("the cross-certificate: {error}"))
        };
        let issued = signed.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let source = Source::further(&key, &self.namespace, further.number);
        let place = source.cross();
        let secret = of_cross(&place, &key, &issued.to_pem());
        create_if_absent(&self.secrets(&place.namespace), &secret).await?;
        let (serial, not_after) = (issued.certificate().serial(), issued.certificate().not_after());
        tracing::info!(target: "audit", virtual_mesh = %key, root = further.number, by = further.replaces, %serial, %not_after, "cross-certificate issued");
        self.forget(&key);
        Ok(())
    }
}

fn impossible(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Reason::ProfileImpossible, format!("the cross-certificate: {error}"))
}

/// The cross-certificate of this root, with what leads up from it.
fn read(secret: &Secret, root: &Certificate) -> Result<Vec<Certificate>, String> {
    let data = secret.data.as_ref().and_then(|data| data.get(names::CROSS_CERTIFICATE_KEY));
    let bytes =
        data.ok_or_else(|| format!("the key {} is missing", names::CROSS_CERTIFICATE_KEY))?;
    let chain = parse_bundle(&bytes.0).map_err(|error| error.to_string())?;
    let cross = chain.first().ok_or("it holds no certificate")?;
    if cross.public_key() != root.public_key() || cross.subject().der() != root.subject().der() {
        return Err(format!(
            "{} is not the name and key of the root {}",
            cross.subject(),
            root.subject()
        ));
    }
    if cross.not_after() <= clock::now() {
        return Err(format!("the cross-certificate ended {}", cross.not_after()));
    }
    Ok(chain)
}

fn of_cross(place: &Key, virtual_mesh: &Key, chain: &str) -> Secret {
    let file = (names::CROSS_CERTIFICATE_KEY.to_owned(), ByteString(chain.as_bytes().to_vec()));
    secret::kept(place, virtual_mesh, names::CROSS_SECRET_TYPE, [file].into())
}
