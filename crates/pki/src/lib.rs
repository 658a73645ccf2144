//! Keys, certificate requests, certificates, chains and path validation: bytes in, types out.
//!
//! Nothing here talks to a network, reads a clock or issues a certificate: times are arguments, and
//! only `meshroot-ca` signs certificates. Everything that is read is hostile until it is parsed.

mod algorithm;
mod block_list;
mod certificate;
mod checked_request;
mod distinguished_name;
mod dns_name;
mod extension;
mod fingerprint;
mod form;
pub mod frame;
mod gate;
mod general_name;
mod host;
mod key;
mod material;
mod name_constraint;
pub mod oid;
mod path;
mod path_check;
mod path_error;
mod path_options;
mod pem;
mod pem_file;
mod private_key;
mod public_key;
mod request;
mod revocation;
mod revocation_list;
mod revoked;
mod serial;
mod spiffe;
mod tlv;
mod uri;

pub use block_list::{BlockList, BlockListError};
pub use certificate::{Certificate, CertificateError, parse_bundle, read_certificates, to_bundle};
pub use checked_request::{CheckedRequest, HostsDiffer};
pub use distinguished_name::{DistinguishedName, NameError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use form::DerForm;
pub use general_name::GeneralNameError;
pub use host::{Host, HostError};
pub use key::{KeyError, KeyKind};
pub use name_constraint::NameConstraintError;
pub use path::build_path;
pub use path_error::{PathError, PathPosition};
pub use path_options::{DEFAULT_MAX_DEPTH, PathOptions, Purpose};
pub use pem::{PemError, TextForm};
pub use pem_file::{Item, PemFile};
pub use private_key::PrivateKey;
pub use public_key::PublicKey;
pub use request::{CertificateRequest, MAX_REQUEST_BYTES, RequestError};
pub use revocation::{Coverage, check_revocation};
pub use revocation_list::{RevocationList, RevocationListError, read_revocation_lists};
pub use revoked::{RevocationReason, Revoked};
pub use serial::Serial;
pub use spiffe::{SpiffeError, SpiffeVerifier, expect_spiffe_id};
pub use tlv::TlvError;
