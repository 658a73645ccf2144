//! Files as they are found: PEM with all sorts of blocks and text between them, or bare DER.

use zeroize::Zeroizing;

use crate::certificate::{Certificate, CertificateError};
use crate::fingerprint::Fingerprint;
use crate::form::{DerForm, conversion_of_block};
use crate::pem::{self, Block, PemError};
use crate::private_key::PrivateKey;
use crate::request::CertificateRequest;
use crate::revocation_list::{self, RevocationList};

/// What a file holds, in its order.
#[derive(Debug)]
pub struct PemFile {
    /// The blocks, or the one DER object.
    pub items: Vec<Item>,
    /// Lines of other text that are not blank. istiod and OpenSSL skip or choke on them, each in its way.
    pub other_lines: usize,
}

/// One thing in a file.
#[derive(Debug)]
pub enum Item {
    /// A certificate.
    Certificate(Box<Certificate>),
    /// A certificate revocation list.
    RevocationList(Box<RevocationList>),
    /// A certificate request.
    Request(Box<CertificateRequest>),
    /// A private key, of which only the public half is kept.
    PrivateKey {
        /// For example `ECDSA-P256`.
        kind: String,
        /// SHA-256 of the public key.
        public_key: Fingerprint,
    },
    /// Something that cannot be read.
    Unreadable {
        /// The block's label, `DER`, or `PEM` where not even a block is to be seen.
        label: String,
        /// Why. Never content.
        why: String,
    },
}

impl PemFile {
    /// Reads whatever `bytes` are. Of what is not a public structure nothing is kept but its kind.
    pub fn read(bytes: &[u8]) -> Self {
        if !pem::looks_like_pem(bytes) {
            return Self { items: vec![read_der(bytes)], other_lines: 0 };
        }
        let found = pem::find_blocks(bytes);
        let mut items: Vec<Item> = found
            .blocks
            .iter()
            .map(|block| match block {
                Ok(block) => read_block(block),
                Err(error) => unreadable("PEM", error),
            })
            .collect();
        if let (true, error @ PemError::Form(_)) = (items.is_empty(), pem::no_block(bytes)) {
            items.push(unreadable("PEM", &error));
        }
        Self { items, other_lines: found.other_lines }
    }

    /// The certificates, in order.
    pub fn certificates(&self) -> Vec<Certificate> {
        let certificate = |item: &Item| match item {
            Item::Certificate(certificate) => Some((**certificate).clone()),
            _ => None,
        };
        self.items.iter().filter_map(certificate).collect()
    }
}

fn unreadable(label: &str, why: &dyn std::fmt::Display) -> Item {
    Item::Unreadable { label: label.to_owned(), why: why.to_string() }
}

fn read_der(der: &[u8]) -> Item {
    match DerForm::of(der) {
        Some(DerForm::Request) => request("DER", der),
        Some(DerForm::RevocationList) => revocation_list("DER", der),
        Some(DerForm::PrivateKey) => {
            let labels = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];
            let key = labels.into_iter().map(|label| private_key(label, der));
            key.into_iter().find(|item| matches!(item, Item::PrivateKey { .. })).unwrap_or_else(
                || unreadable("DER", &"it is a private key of a kind that is not read"),
            )
        }
        _ => certificate("DER", der),
    }
}

fn read_block(block: &Block) -> Item {
    let label = block.label.as_str();
    if label.ends_with("PRIVATE KEY") {
        private_key(label, &block.der)
    } else if label.ends_with("CERTIFICATE REQUEST") {
        request(label, &block.der)
    } else if label == revocation_list::LABEL {
        revocation_list(label, &block.der)
    } else if conversion_of_block(label).is_some() {
        unreadable(label, &CertificateError::WrongBlock { label: label.to_owned() })
    } else {
        certificate(label, &block.der)
    }
}

fn certificate(label: &str, der: &[u8]) -> Item {
    let certificate = Certificate::from_der(der);
    certificate.map_or_else(|error| unreadable(label, &error), |it| Item::Certificate(Box::new(it)))
}

fn request(label: &str, der: &[u8]) -> Item {
    let request = CertificateRequest::parse(der);
    request.map_or_else(|error| unreadable(label, &error), |it| Item::Request(Box::new(it)))
}

fn revocation_list(label: &str, der: &[u8]) -> Item {
    let list = RevocationList::from_der(der);
    list.map_or_else(|error| unreadable(label, &error), |it| Item::RevocationList(Box::new(it)))
}

fn private_key(label: &str, der: &[u8]) -> Item {
    let text = Zeroizing::new(pem::encode(label, der));
    PrivateKey::from_pem(text.as_bytes()).map_or_else(
        |error| unreadable(label, &error),
        |key| Item::PrivateKey {
            kind: key.public_key().kind_name(),
            public_key: key.public_key().fingerprint(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistinguishedName, Host, KeyKind};

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::EcdsaP256).unwrap()
    }

    fn request(key: &PrivateKey) -> CertificateRequest {
        let host: Host = "spiffe://cluster.local/ns/istio-system/sa/istiod".parse().unwrap();
        CertificateRequest::create(key, &DistinguishedName::empty(), &[host]).unwrap()
    }

    #[test]
    fn text_around_blocks_is_counted_and_the_blocks_are_read() {
        let request = request(&key()).to_pem();
        let file = PemFile::read(format!("subject=x\n\n{request}issuer=y\n").as_bytes());
        assert_eq!(file.other_lines, 2);
        assert!(matches!(file.items[..], [Item::Request(_)]));
    }

    #[test]
    fn bare_der_is_read_too() {
        assert!(matches!(PemFile::read(request(&key()).der()).items[..], [Item::Request(_)]));
    }

    #[test]
    fn of_a_private_key_only_the_public_half_is_kept() {
        let key = key();
        let pem = key.to_pkcs8_pem();
        let file = PemFile::read(pem.as_bytes());
        let Item::PrivateKey { public_key, .. } = &file.items[0] else {
            panic!("{:?}", file.items)
        };
        assert_eq!(*public_key, key.public_key().fingerprint());
        let secret: String = pem.lines().nth(1).unwrap().to_owned();
        assert!(!format!("{file:?}").contains(&secret));
    }

    #[test]
    fn a_broken_key_is_named_and_not_quoted() {
        let file =
            PemFile::read(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
        let Item::Unreadable { label, why } = &file.items[0] else { panic!("{:?}", file.items) };
        assert_eq!(label, "PRIVATE KEY");
        assert!(!why.contains("c2VjcmV0"), "{why}");
    }

    #[test]
    fn a_block_that_does_not_end_and_one_that_is_no_certificate_say_so() {
        let file = PemFile::read(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN X-----\n",
        );
        assert!(file.items.iter().all(|item| matches!(item, Item::Unreadable { .. })));
        assert_eq!(file.items.len(), 2);
    }

    /// However a key's text was spoiled, no part of it is kept.
    #[test]
    fn a_key_whose_lines_were_lost_is_never_kept() {
        let pem = key().to_pkcs8_pem();
        let lines: Vec<&str> = pem.lines().collect();
        let content = lines[1..lines.len() - 1].concat();
        let spoiled = [
            lines.join(" "),
            lines.join(""),
            lines.join("\\n"),
            lines.join("\t"),
            format!("  {}", lines.join("\n  ")),
            format!("> {}", lines.join("\n> ")),
            format!("key: {}", lines.join(" ")),
            lines.join("\u{2028}"),
            format!("-----BEGIN {content}-----"),
            format!("-----BEGIN {}-----\nAAAA\n-----END {}-----", &content[..60], &content[..60]),
            format!("-----BEGIN PRIVATE KEY-----\n{content}"),
            format!("-----BEGIN {}-----\nAAAA\n-----END X-----", content[..60].to_uppercase()),
            format!("-----BEGIN PRIVATE KEY-----\n{content}\n-----END {content}-----"),
            format!("-----BEGIN PRIVATE KEY-----{content}-----END PRIVATE KEY-----"),
        ];
        for text in spoiled {
            let told = format!("{:?}", PemFile::read(text.as_bytes()));
            let parts = content.as_bytes().windows(16).map(|part| str::from_utf8(part).unwrap());
            let shown: Vec<&str> = parts.filter(|part| told.contains(part)).collect();
            assert!(shown.is_empty(), "{told}");
        }
        let old_mac = PemFile::read(lines.join("\r").as_bytes());
        assert!(matches!(old_mac.items[..], [Item::PrivateKey { .. }]), "{old_mac:?}");
    }

    #[test]
    fn a_label_that_no_tool_writes_is_not_repeated() {
        let hexadecimal = "0123456789ABCDEF".repeat(4);
        for text in [
            format!("-----BEGIN {hexadecimal}-----\nAAAA\n-----END {hexadecimal}-----\n"),
            format!("-----BEGIN {hexadecimal}-----\nAAAA\n"),
            format!("-----BEGIN KEY {}-----\na: b\n", &hexadecimal[..40]),
        ] {
            let told = format!("{:?}", PemFile::read(text.as_bytes()));
            assert!(!told.contains("0123456789") && told.contains("non-standard"), "{told}");
        }
    }

    #[test]
    fn a_key_in_der_is_recognised() {
        let key = key();
        let pem = key.to_pkcs8_pem();
        let Ok(block) = &pem::find_blocks(pem.as_bytes()).blocks[0] else { panic!() };
        let file = PemFile::read(&block.der);
        assert!(matches!(file.items[..], [Item::PrivateKey { .. }]), "{file:?}");
    }

    #[test]
    fn a_broken_block_hides_no_other_and_text_alone_says_what_it_is() {
        let request = request(&key()).to_pem();
        let file = PemFile::read(
            format!("-----BEGIN X-----\nProc-Type: 4\nAAAA\n-----END X-----\n{request}").as_bytes(),
        );
        assert!(matches!(file.items[..], [Item::Unreadable { .. }, Item::Request(_)]), "{file:?}");
        let lost: String = request.lines().filter(|line| !line.starts_with('-')).collect();
        let file = PemFile::read(lost.as_bytes());
        let [Item::Unreadable { why, .. }] = &file.items[..] else { panic!("{file:?}") };
        assert!(why.contains("base64 without BEGIN and END"), "{why}");
    }
}
