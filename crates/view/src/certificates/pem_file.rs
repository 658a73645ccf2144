//! Files as they are found: PEM with all sorts of blocks and text between them, or bare DER.

use meshroot_pki::{Certificate, CertificateRequest, Fingerprint, PrivateKey};

/// What a file holds, in its order.
#[derive(Debug, Default)]
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
        /// The block's label, or `DER`.
        label: String,
        /// Why. Never content.
        why: String,
    },
}

impl PemFile {
    /// Reads whatever `bytes` are.
    pub fn read(bytes: &[u8]) -> Self {
        // DER of all that is read here is a SEQUENCE, 0x30; as text that would be a line that begins with `0`.
        if bytes.first() == Some(&0x30) {
            return Self { items: vec![read_der(bytes)], other_lines: 0 };
        }
        read_text(&String::from_utf8_lossy(bytes))
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

fn read_der(der: &[u8]) -> Item {
    if let Ok(certificate) = Certificate::from_der(der) {
        return Item::Certificate(Box::new(certificate));
    }
    match CertificateRequest::parse(der) {
        Ok(request) => Item::Request(Box::new(request)),
        Err(error) => Item::Unreadable { label: "DER".to_owned(), why: error.to_string() },
    }
}

fn read_text(text: &str) -> PemFile {
    let mut file = PemFile::default();
    let mut block: Option<(String, usize)> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let end = offset + line.len();
        match (&block, boundary(line, "-----BEGIN ")) {
            (None, Some(label)) => block = Some((label.to_owned(), offset)),
            (None, None) => file.other_lines += usize::from(!line.trim().is_empty()),
            (Some((label, start)), _) if boundary(line, "-----END ") == Some(label) => {
                file.items.push(read_block(label, &text.as_bytes()[*start..end]));
                block = None;
            }
            _ => {}
        }
        offset = end;
    }
    if let Some((label, _)) = block {
        file.items.push(Item::Unreadable { label, why: "the block does not end".to_owned() });
    }
    file
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.trim_end().strip_prefix(start)?.strip_suffix("-----")
}

fn read_block(label: &str, block: &[u8]) -> Item {
    let unreadable = |why: String| Item::Unreadable { label: label.to_owned(), why };
    if label.ends_with("PRIVATE KEY") {
        return PrivateKey::from_pem(block).map_or_else(
            |error| unreadable(error.to_string()),
            |key| Item::PrivateKey {
                kind: key.public_key().kind_name(),
                public_key: key.public_key().fingerprint(),
            },
        );
    }
    if label.ends_with("CERTIFICATE REQUEST") {
        let request = CertificateRequest::parse(block);
        return request.map_or_else(
            |error| unreadable(error.to_string()),
            |request| Item::Request(Box::new(request)),
        );
    }
    let certificate = Certificate::from_pem(block);
    certificate
        .map_or_else(|error| unreadable(error.to_string()), |it| Item::Certificate(Box::new(it)))
}

#[cfg(test)]
mod tests {
    use meshroot_pki::{DistinguishedName, Host, KeyKind};

    use super::*;

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
}
