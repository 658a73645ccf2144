//! What is to be issued: a request that was checked, a subject and a profile.

use meshroot_pki::{Certificate, CheckedRequest, DistinguishedName, Host, NameError, PublicKey};

use crate::issuer::Issuer;
use crate::profile::Profile;

/// Whom an intermediate is for, as its subject says: `O=<organization>, OU=<virtual mesh>, CN=<mesh> <generation>`,
/// never empty, and another one each time.
///
/// Names longer than X.520 allows (64 characters) are cut in the middle, keeping both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The kind of mesh.
    pub organization: &'a str,
    /// The virtual mesh that the mesh is a member of.
    pub virtual_mesh: &'a str,
    /// The mesh.
    pub mesh: &'a str,
    /// Which of the mesh's intermediates it is.
    pub generation: &'a str,
}

/// What is to be issued. From the request only the public key is taken; the hosts are those that were settled
/// when it was checked, everything else comes from the profile. There is no order for a request that was not
/// checked.
#[derive(Clone, Debug)]
pub struct Order {
    pub(crate) public_key: PublicKey,
    pub(crate) subject: DistinguishedName,
    pub(crate) hosts: Vec<Host>,
    pub(crate) profile: Profile,
}

impl Order {
    /// Orders an intermediate for the key of a request.
    ///
    /// # Errors
    /// A name that cannot stand in a subject.
    pub fn new(
        checked: &CheckedRequest,
        subject: Subject<'_>,
        profile: Profile,
    ) -> Result<Self, NameError> {
        Ok(Self {
            public_key: checked.request().public_key().clone(),
            subject: subject.distinguished_name()?,
            hosts: checked.hosts().to_vec(),
            profile,
        })
    }
}

impl Order {
    /// Orders a cross-certificate: name and key of a root, to be signed by the one that it replaces. It lives as long as
    /// either, and allows one CA more below it than an intermediate's profile may ask for, or as many as `issuer` does.
    ///
    /// # Errors
    /// The issuer does not allow an intermediate with `below` further CAs under it.
    pub fn cross(root: &Certificate, issuer: &Issuer, below: u8) -> Result<Self, CrossError> {
        let path_len = match issuer.certificate().path_len() {
            None => Profile::DEEPEST + 1,
            Some(limit) if limit < below.saturating_add(2) => {
                let issuer = issuer.certificate().subject().to_string();
                return Err(CrossError::PathLen { issuer, limit });
            }
            Some(limit) => (limit - 1).min(Profile::DEEPEST + 1),
        };
        Ok(Self {
            public_key: root.public_key().clone(),
            subject: root.subject().clone(),
            hosts: Vec::new(),
            profile: Profile::of_cross(
                root.not_after().duration_since(root.not_before()),
                path_len,
            ),
        })
    }
}

/// Why a root cannot sign a cross-certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossError {
    /// Its path length leaves no room.
    #[error(
        "{issuer} has pathLen {limit}: no cross-certificate with an intermediate below it can stand under it"
    )]
    PathLen {
        /// Subject of the issuer.
        issuer: String,
        /// Its path length.
        limit: u8,
    },
}

impl Subject<'_> {
    fn distinguished_name(&self) -> Result<DistinguishedName, NameError> {
        let suffix = format!(" {}", self.generation);
        let room = UPPER_BOUND.saturating_sub(suffix.chars().count());
        let common_name = format!("{}{suffix}", shortened(self.mesh, room));
        let unit = shortened(self.virtual_mesh, UPPER_BOUND);
        DistinguishedName::new(self.organization, &unit, &common_name)
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
