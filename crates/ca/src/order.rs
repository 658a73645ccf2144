//! What is to be issued: a public key and an identity that were checked, and a profile.

use meshroot_pki::{CertificateRequest, DistinguishedName, Host, NameError, PublicKey};

use crate::profile::Profile;

/// What is to be issued. From the request only the public key is taken; the identity was checked by the
/// caller, everything else comes from the profile.
#[derive(Clone, Debug)]
pub struct Order {
    pub(crate) public_key: PublicKey,
    pub(crate) subject: DistinguishedName,
    pub(crate) hosts: Vec<Host>,
    pub(crate) profile: Profile,
}

impl Order {
    /// An order for the mesh's `generation`-th intermediate, with subject
    /// `O=<org>, OU=<virtual mesh>, CN=<mesh> <generation>`: never empty, and another one each time.
    ///
    /// Names longer than X.520 allows (64 characters) are cut in the middle, keeping both ends.
    pub fn new(
        request: &CertificateRequest,
        org: &str,
        virtual_mesh: &str,
        mesh: &str,
        generation: &str,
        hosts: Vec<Host>,
        profile: Profile,
    ) -> Result<Self, NameError> {
        let suffix = format!(" {generation}");
        let common_name = format!(
            "{}{suffix}",
            shortened(mesh, UPPER_BOUND.saturating_sub(suffix.chars().count()))
        );
        let subject =
            DistinguishedName::new(org, &shortened(virtual_mesh, UPPER_BOUND), &common_name)?;
        Ok(Self { public_key: request.public_key().clone(), subject, hosts, profile })
    }
}

/// `ub-common-name` and its like (RFC 5280 appendix A.1).
const UPPER_BOUND: usize = 64;

fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let head = (most.saturating_sub(2)) / 2;
    let tail = most.saturating_sub(2) - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}..{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends_and_the_bound() {
        let long = format!("istio-{}-east", "a".repeat(100));
        let short = shortened(&long, 62);
        assert_eq!(short.chars().count(), 62);
        assert!(short.starts_with("istio-") && short.ends_with("-east"));
        assert_eq!(shortened("short", 62), "short");
    }
}
