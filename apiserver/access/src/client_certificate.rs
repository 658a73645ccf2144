//! The user that a client certificate names (`k8s.io/apiserver/pkg/authentication/request/x509`).

use apiserver_object::{CREDENTIAL_ID, User};
use aws_lc_rs::digest::{SHA256, digest};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::name::RelativeDistinguishedName;

use crate::static_tokens::hexadecimal;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// Kubernetes' own attribute for the user's UID.
const USER_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57683.2");

/// Why a certificate names no user.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClientCertificateError {
    /// The bytes are no certificate.
    #[error("the client certificate is not DER")]
    Malformed,
    /// The subject has no common name.
    #[error("the client certificate's subject has no common name")]
    NoCommonName,
    /// The subject has an attribute for the UID that can not be used.
    #[error("the client certificate's subject must have at most one UID that is not empty")]
    UserId,
}

/// The user of a leaf whose chain, time and use the TLS layer has verified: CN is the name, each O a group.
pub fn user_of_client_certificate(der: &[u8]) -> Result<User, ClientCertificateError> {
    let certificate = Certificate::from_der(der).map_err(|_| ClientCertificateError::Malformed)?;
    let subject = certificate.tbs_certificate().subject();
    let texts = |oid: ObjectIdentifier| -> Vec<String> {
        let attributes = subject.iter_rdn().flat_map(RelativeDistinguishedName::iter);
        attributes.filter(|attribute| attribute.oid == oid).filter_map(text_of).collect()
    };
    // Go's x509 keeps the last common name.
    let name = texts(COMMON_NAME)
        .pop()
        .filter(|name| !name.is_empty())
        .ok_or(ClientCertificateError::NoCommonName)?;
    let mut user = User::authenticated(name, texts(ORGANIZATION));
    user.uid = user_id(texts(USER_ID))?;
    let fingerprint = hexadecimal(digest(&SHA256, der).as_ref());
    user.extra.insert(CREDENTIAL_ID.to_owned(), vec![format!("X509SHA256={fingerprint}")]);
    Ok(user)
}

fn user_id(mut found: Vec<String>) -> Result<String, ClientCertificateError> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Ok(String::new()),
        (Some(uid), true) if !uid.is_empty() => Ok(uid),
        _ => Err(ClientCertificateError::UserId),
    }
}

fn text_of(attribute: &AttributeTypeAndValue) -> Option<String> {
    text_of_value(&attribute.value)
}

fn text_of_value(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        // T.61 as everyone uses it: Latin-1.
        Tag::TeletexString => Some(value.value().iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}
