//! What a mesh's `cacerts` holds is valid, chains to an anchor beside it, and is trusted by the other members.

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use meshroot_api::names::{REQUEST_ANNOTATION, RequestName};
use meshroot_pki::{Certificate, PathOptions, PrivateKey, Purpose, build_path, parse_bundle};

/// What a Secret `cacerts` holds.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) request: RequestName,
    pub(crate) intermediate: Certificate,
    chain: Vec<Certificate>,
    anchors: Vec<Certificate>,
}

/// Reads a Secret, and holds its private key against its certificate.
pub(crate) fn read(secret: &Secret) -> Result<Installed> {
    let certificates = |name: &str| {
        let found = parse_bundle(file(secret, name)?).with_context(|| name.to_owned())?;
        ensure!(!found.is_empty(), "{name} is empty");
        anyhow::Ok(found)
    };
    let annotations = secret.metadata.annotations.as_ref();
    let request = annotations.and_then(|all| all.get(REQUEST_ANNOTATION));
    let request = request.and_then(|name| RequestName::parse(name));
    let intermediate = certificates("ca-cert.pem")?.remove(0);
    let chain = certificates("cert-chain.pem")?;
    ensure!(chain[0] == intermediate, "cert-chain.pem does not begin with the certificate");
    let key = PrivateKey::from_pem(file(secret, "ca-key.pem")?).context("ca-key.pem")?;
    ensure!(
        key.public_key() == intermediate.public_key(),
        "ca-key.pem is not the key of the certificate"
    );
    let anchors = certificates("root-cert.pem")?;
    Ok(Installed { request: request.context("it names no request")?, intermediate, chain, anchors })
}

fn file<'a>(secret: &'a Secret, name: &str) -> Result<&'a [u8]> {
    let data = secret.data.as_ref().and_then(|data| data.get(name));
    Ok(&data.with_context(|| format!("{name} is missing"))?.0)
}

impl Installed {
    /// It is valid now, and chains to one of its own anchors.
    pub(crate) fn check(&self, now: Timestamp) -> Result<()> {
        let end = self.intermediate.not_after();
        ensure!(now < end, "the certificate of {} ended {end}", self.request);
        self.verify(&self.anchors, now)
            .with_context(|| format!("{} does not chain to its own anchors", self.request))
    }

    /// Seconds until it ends.
    pub(crate) fn left(&self, now: Timestamp) -> i64 {
        self.intermediate.not_after().duration_since(now).as_secs()
    }

    /// Two members of one virtual mesh trust each other's workloads, and have a root in common.
    pub(crate) fn trusts(&self, other: &Self, now: Timestamp) -> Result<()> {
        if self.request.virtual_mesh != other.request.virtual_mesh {
            return Ok(());
        }
        let shares = self.anchors.iter().any(|anchor| other.anchors.contains(anchor));
        ensure!(shares, "{} and {} have no root in common", self.request, other.request);
        for (one, two) in [(self, other), (other, self)] {
            one.verify(&two.anchors, now).with_context(|| {
                format!("{} is not trusted where {} is", one.request, two.request)
            })?;
        }
        Ok(())
    }

    fn verify(&self, anchors: &[Certificate], now: Timestamp) -> Result<()> {
        let options = PathOptions::new(now, Purpose::Any);
        let path = build_path(&self.intermediate, &self.chain[1..], anchors, &options);
        path.map(drop).map_err(|error| anyhow::anyhow!("{error:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::judge::samples::{Authority, now, secret};

    const SECOND: i64 = 1;

    #[test]
    fn a_whole_secret_holds_until_its_certificate_ends() {
        let issued = Authority::new("one").issue();
        let installed = read(&secret("east.demo.1", &issued)).unwrap();
        installed.check(now()).unwrap();
        let end = installed.intermediate.not_after();
        let after = end.checked_add(jiff::SignedDuration::from_secs(SECOND)).unwrap();
        let error = installed.check(after).unwrap_err().to_string();
        assert!(error.contains("ended"), "{error}");
        assert!(installed.left(after) < 0);
    }

    #[test]
    fn a_certificate_of_another_root_is_found() {
        let (one, two) = (Authority::new("one"), Authority::new("two"));
        let mut issued = one.issue();
        issued.anchors = vec![two.certificate.clone()];
        let error = read(&secret("east.demo.1", &issued)).unwrap().check(now()).unwrap_err();
        assert!(error.to_string().contains("does not chain to its own anchors"), "{error}");
    }

    #[test]
    fn a_secret_with_a_strange_key_or_a_file_missing_cannot_be_read() {
        let authority = Authority::new("one");
        let mut issued = authority.issue();
        issued.key = authority.issue().key;
        let error = read(&secret("east.demo.1", &issued)).unwrap_err().to_string();
        assert!(error.contains("not the key"), "{error}");
        let mut partial = secret("east.demo.1", &authority.issue());
        partial.data.as_mut().unwrap().remove("root-cert.pem");
        assert!(read(&partial).unwrap_err().to_string().contains("root-cert.pem is missing"));
        assert!(read(&secret("nothing", &authority.issue())).is_err());
    }

    #[test]
    fn members_of_one_virtual_mesh_under_two_roots_are_found_and_others_are_not_compared() {
        let (one, two) = (Authority::new("one"), Authority::new("two"));
        let installed =
            |request: &str, by: &Authority| read(&secret(request, &by.issue())).unwrap();
        let (east, west) = (installed("east.demo.1", &one), installed("west.demo.1", &one));
        east.trusts(&west, now()).unwrap();
        let error = east.trusts(&installed("west.demo.2", &two), now()).unwrap_err().to_string();
        assert!(error.contains("no root in common"), "{error}");
        east.trusts(&installed("west.other.1", &two), now()).unwrap();
    }

    #[test]
    fn a_common_root_is_not_enough_where_it_does_not_verify_both() {
        let (one, two) = (Authority::new("one"), Authority::new("two"));
        let east = read(&secret("east.demo.1", &one.issue())).unwrap();
        let mut issued = two.issue();
        issued.anchors = vec![two.certificate.clone(), one.certificate.clone()];
        let west = read(&secret("west.demo.1", &issued)).unwrap();
        let error = east.trusts(&west, now()).unwrap_err().to_string();
        assert!(error.contains("west.demo.1 is not trusted where east.demo.1 is"), "{error}");
    }
}
