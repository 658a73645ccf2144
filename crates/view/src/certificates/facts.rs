//! What a certificate or request says, as fields for people and for programs.

use jiff::Timestamp;
use meshroot_pki::{Certificate, CertificateRequest, Host, Item, RevocationList, Revoked, oid};
use serde_json::{Map, Value, json};

use crate::age;

/// Fields in the order in which a person asks for them: title and values.
pub type Facts = Vec<(&'static str, Vec<String>)>;

/// What a certificate says.
pub fn certificate(certificate: &Certificate, now: Timestamp) -> Facts {
    let key = certificate.public_key();
    vec![
        ("Subject", vec![name(&certificate.subject().to_string())]),
        ("Issuer", vec![issuer(certificate)]),
        ("Serial", vec![certificate.serial().to_string()]),
        ("Valid from", vec![age::date(certificate.not_before())]),
        ("Valid until", vec![end(certificate.not_before(), certificate.not_after(), now)]),
        ("Names", hosts(&certificate.hosts())),
        ("Key", vec![format!("{} {}", key.kind_name(), key.fingerprint())]),
        ("Authority", vec![authority(certificate)]),
        ("Key usage", key_usage(certificate)),
        ("Purposes", purposes(certificate)),
        (
            "Key id",
            vec![
                certificate.subject_key_identifier().map_or_else(|| NONE.to_owned(), |id| hex(&id)),
            ],
        ),
        (
            "Issuer key id",
            vec![
                certificate
                    .authority_key_identifier()
                    .map_or_else(|| NONE.to_owned(), |id| hex(&id)),
            ],
        ),
        ("Fingerprint", vec![certificate.fingerprint().to_string()]),
    ]
}

/// What a certificate request says.
pub fn request(request: &CertificateRequest) -> Facts {
    let key = request.public_key();
    let strength = key
        .check_strength()
        .map_or_else(|error| format!("REFUSED: {error}"), |()| "accepted".to_owned());
    vec![
        ("CSR SHA-256", vec![request.fingerprint().to_string()]),
        ("Subject", vec![name(&request.subject().to_string())]),
        ("Names", hosts(request.hosts())),
        ("Key", vec![format!("{} {}", key.kind_name(), key.fingerprint())]),
        ("Key strength", vec![strength]),
    ]
}

/// What a revocation list says.
pub fn revocation_list(list: &RevocationList, now: Timestamp) -> Facts {
    let number = list.number().map_or_else(|| NONE.to_owned(), ToString::to_string);
    let issuer_key = list.authority_key_identifier().map_or_else(|| NONE.to_owned(), hex);
    let entry = |entry: &Revoked| {
        let reason = entry.reason.map(|reason| format!(", {}", reason.name())).unwrap_or_default();
        format!("{} since {}{reason}", entry.serial, age::date(entry.since))
    };
    let revoked = match list.entries() {
        [] => vec!["nothing".to_owned()],
        entries => entries.iter().map(entry).collect(),
    };
    vec![
        ("Issuer", vec![name(&list.issuer().to_string())]),
        ("Issuer key id", vec![issuer_key]),
        ("Number", vec![number]),
        ("Valid from", vec![age::date(list.this_update())]),
        ("Valid until", vec![end(list.this_update(), list.next_update(), now)]),
        ("Revoked", revoked),
        ("Fingerprint", vec![list.fingerprint().to_string()]),
    ]
}

/// What any item of a file says.
pub fn item(item: &Item, now: Timestamp) -> (&'static str, Facts) {
    match item {
        Item::Certificate(it) => ("Certificate", certificate(it, now)),
        Item::RevocationList(it) => ("Certificate revocation list", revocation_list(it, now)),
        Item::Request(it) => ("Certificate request", request(it)),
        Item::PrivateKey { kind, public_key } => {
            ("Private key (not shown)", vec![("Public key", vec![format!("{kind} {public_key}")])])
        }
        Item::Unreadable { label, why } => {
            ("Unreadable", vec![("Block", vec![label.clone()]), ("Why", vec![why.clone()])])
        }
    }
}

/// Facts as an object: `{"kind": "certificate", "validUntil": …}`; lists stay lists.
pub fn to_json(kind: &str, facts: &Facts) -> Value {
    let mut object = Map::from_iter([("kind".to_owned(), json!(kind))]);
    for (title, values) in facts {
        let value = match values.as_slice() {
            [one] if !LISTS.contains(title) => json!(one),
            many => json!(many),
        };
        object.insert(camel_case(title), value);
    }
    Value::Object(object)
}

/// What programs compare, in a certificate's object: times by RFC 3339, whether it is a CA, and its path length.
pub fn for_programs(certificate: &Certificate, object: &mut Value) {
    object["validFrom"] = json!(certificate.not_before().to_string());
    object["validUntil"] = json!(certificate.not_after().to_string());
    object["isCa"] = json!(certificate.is_ca());
    object["pathLength"] = json!(certificate.path_len());
}

/// What programs compare, in a list's object: times by RFC 3339, and its entries.
pub fn of_list_for_programs(list: &RevocationList, object: &mut Value) {
    object["validFrom"] = json!(list.this_update().to_string());
    object["validUntil"] = json!(list.next_update().to_string());
    let entry = |entry: &Revoked| {
        let reason = entry.reason.map(meshroot_pki::RevocationReason::name);
        json!({ "serial": entry.serial.to_string(), "since": entry.since.to_string(), "reason": reason })
    };
    object["revoked"] = list.entries().iter().map(entry).collect();
}

/// Names in one spelling; what has none says so.
pub fn hosts(hosts: &[Host]) -> Vec<String> {
    hosts.iter().map(ToString::to_string).collect()
}

/// `CA, path length 0`.
pub fn authority(certificate: &Certificate) -> String {
    match (certificate.is_ca(), certificate.path_len()) {
        (false, _) => "no: signs no other certificates".to_owned(),
        (true, None) => "CA, any path length".to_owned(),
        (true, Some(length)) => format!("CA, path length {length}"),
    }
}

fn end(from: Timestamp, until: Timestamp, now: Timestamp) -> String {
    let text = age::with_distance(until, now);
    if until < now {
        format!("EXPIRED {text}")
    } else if from > now {
        format!("{text}, NOT YET VALID")
    } else {
        text
    }
}

fn issuer(certificate: &Certificate) -> String {
    if certificate.is_self_issued() {
        let signed = certificate.verify_signed_by(certificate.public_key());
        return match signed {
            Ok(()) => "itself (a root)".to_owned(),
            Err(error) => format!("the same name, but another key: {error}"),
        };
    }
    name(&certificate.issuer().to_string())
}

fn name(text: &str) -> String {
    if text.is_empty() { "(empty)".to_owned() } else { text.to_owned() }
}

fn key_usage(certificate: &Certificate) -> Vec<String> {
    let Some(usage) = certificate.key_usage() else { return vec!["any (no keyUsage)".to_owned()] };
    let all = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()).collect()
}

fn purposes(certificate: &Certificate) -> Vec<String> {
    let Some(purposes) = certificate.extended_key_usage() else {
        return vec!["any (no extendedKeyUsage)".to_owned()];
    };
    let word = |purpose| match purpose {
        oid::SERVER_AUTH => "serverAuth".to_owned(),
        oid::CLIENT_AUTH => "clientAuth".to_owned(),
        oid::ANY_EXTENDED_KEY_USAGE => "anyExtendedKeyUsage".to_owned(),
        other => other.to_string(),
    };
    purposes.into_iter().map(word).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn camel_case(title: &str) -> String {
    let mut words = title.split([' ', '-']);
    let first = words.next().unwrap_or_default().to_lowercase();
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| {
            first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect::<String>()
        })
    };
    words.filter_map(capital).fold(first, |text, word| text + &word)
}

const NONE: &str = "none";
const LISTS: [&str; 4] = ["Names", "Key usage", "Purposes", "Revoked"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_field_names() {
        assert_eq!(camel_case("Valid until"), "validUntil");
        assert_eq!(camel_case("CSR SHA-256"), "csrSha256");
        assert_eq!(camel_case("Issuer key id"), "issuerKeyId");
    }

    #[test]
    fn one_name_is_still_a_list_of_names() {
        let facts: Facts = vec![("Names", vec!["a".to_owned()]), ("Serial", vec!["01".to_owned()])];
        assert_eq!(
            to_json("certificate", &facts),
            json!({ "kind": "certificate", "names": ["a"], "serial": "01" })
        );
    }
}
