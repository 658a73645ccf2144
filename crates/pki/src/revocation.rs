//! Whether revocation lists leave a path standing, as the strictest peer judges it.

use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::path_check::position;
use crate::path_error::PathError;
use crate::revocation_list::RevocationList;
use crate::revoked::{RevocationReason, Revoked};

/// For whom there must be a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Once there is one list, for every issuer on the path, the anchor included: as OpenSSL and Envoy (BoringSSL) are given
    /// them.
    EveryIssuer,
    /// For nobody. Of an issuer that has one it must be good: signed by it, and not over.
    WhereGiven,
}

/// Checks a path, leaf first and anchor last, against revocation lists (RFC 5280 section 6.3); without any, nothing is asked.
///
/// A list counts if its issuer's key signed it, and covers its issuer as long as it is not over. Of several lists of one issuer
/// each counts: what one of them revoked stays revoked.
///
/// # Errors
/// The certificate nearest to the leaf that is revoked, or whose issuer has no list that can be used.
pub fn check_revocation(
    path: &[Certificate],
    lists: &[RevocationList],
    coverage: Coverage,
    at: Timestamp,
) -> Result<(), PathError> {
    if lists.is_empty() {
        return Ok(());
    }
    for (index, pair) in path.windows(2).enumerate() {
        let [certificate, issuer] = pair else { continue };
        let is_given = lists.iter().any(|list| list.names(issuer));
        if is_given || coverage == Coverage::EveryIssuer {
            check_one(certificate, issuer, index, lists, at)?;
        }
    }
    Ok(())
}

fn check_one(
    certificate: &Certificate,
    issuer: &Certificate,
    index: usize,
    lists: &[RevocationList],
    at: Timestamp,
) -> Result<(), PathError> {
    let named: Vec<&RevocationList> = lists.iter().filter(|list| list.names(issuer)).collect();
    let position = || position(certificate, index);
    let whose = || issuer.subject().to_string();
    if named.is_empty() {
        return Err(PathError::NoRevocationList { certificate: position(), issuer: whose() });
    }
    if issuer.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        return Err(PathError::CrlSignMissing {
            issuer: crate::path_check::position(issuer, index + 1),
        });
    }
    let mut fault = None;
    let mut is_current = false;
    for list in named {
        if let Err(source) = list.verify_signed_by(issuer) {
            fault = Some(PathError::RevocationListSignature { issuer: whose(), source });
            continue;
        }
        if let Some(entry) = entry(list, certificate) {
            return Err(PathError::Revoked {
                certificate: position(),
                issuer: whose(),
                since: entry.since,
                reason: entry.reason.map(RevocationReason::name),
            });
        }
        let (this_update, next_update) = (list.this_update(), list.next_update());
        if this_update <= at && at < next_update {
            is_current = true;
        } else {
            let issuer = whose();
            fault.get_or_insert(PathError::RevocationListTime {
                issuer,
                this_update,
                next_update,
                at,
            });
        }
    }
    match fault {
        Some(fault) if !is_current => Err(fault),
        _ => Ok(()),
    }
}

fn entry<'a>(list: &'a RevocationList, certificate: &Certificate) -> Option<&'a Revoked> {
    list.entries().iter().find(|entry| entry.serial == *certificate.serial())
}
