//! The issuing engine: profile, prepare, record, sign, check.
//!
//! There is one way to a certificate and the types hold it: an [`Order`] becomes [`Prepared`] (to-be-signed
//! bytes, linted), a [`Ledger`] turns that into [`Recorded`], and only [`Recorded`] can be signed. What comes
//! out is [`Issued`], parsed again and checked with the project's own path validator.

mod issuer;
mod lint;
mod order;
mod prepared;
mod profile;
mod revocation;
mod root;
mod signer;
mod tbs;

pub use issuer::{Issuer, IssuerError};
pub use lint::{LintError, lint};
pub use order::{CrossError, Order, Subject};
pub use prepared::{Facts, Issued, Ledger, PrepareError, Prepared, Recorded, SignError};
pub use profile::{Profile, ProfileError, ProfileSpec};
pub use revocation::{RevocationError, revocation_list};
pub use root::{RootError, RootSpec, make_root};
pub use signer::{MemorySigner, Signer, SignerError};
