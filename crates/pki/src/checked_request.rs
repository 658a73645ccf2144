//! A certificate request whose names are settled.

use std::collections::BTreeSet;

use crate::host::Host;
use crate::request::CertificateRequest;

/// A certificate request together with the hosts that a certificate for it is to carry: what an
/// issuing engine takes, instead of a request and hosts that nobody compared.
///
/// Holds: the sender has the private key (as for every [`CertificateRequest`]), and the request
/// asks for no other hosts than these. That these hosts are the requester's own, and that it may
/// have a certificate at all, is for `meshroot_core::issuance` to find; `clippy.toml` lets nobody
/// else make one of these, so whatever is ordered has been through the checks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRequest {
    request: CertificateRequest,
    hosts: Vec<Host>,
}

/// The request asks for other hosts than those that were settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request asks for [{}], not for [{}]", list(asked), list(settled))]
pub struct HostsDiffer {
    /// What the request asks for.
    pub asked: BTreeSet<Host>,
    /// What it may have.
    pub settled: BTreeSet<Host>,
}

impl CheckedRequest {
    /// Settles that a certificate for `request` names `hosts`. A request that asks for none takes
    /// what it is given.
    pub fn new(request: CertificateRequest, hosts: Vec<Host>) -> Result<Self, HostsDiffer> {
        let asked: BTreeSet<Host> = request.hosts().iter().cloned().collect();
        let settled: BTreeSet<Host> = hosts.iter().cloned().collect();
        if asked.is_empty() || asked == settled {
            Ok(Self { request, hosts })
        } else {
            Err(HostsDiffer { asked, settled })
        }
    }

    /// The request.
    pub fn request(&self) -> &CertificateRequest {
        &self.request
    }

    /// What a certificate for it names.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }
}

fn list(hosts: &BTreeSet<Host>) -> String {
    hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
