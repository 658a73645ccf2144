//! A root, its intermediates and their leaves, made by the `openssl` command.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use meshroot_testkit::{Directory, openssl};

const ROOT: &str = "basicConstraints=critical,CA:true,pathlen:2\n\
    keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

const INTERMEDIATE: &str = "basicConstraints=critical,CA:true,pathlen:0\n\
    keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

const LEAF: &str = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n\
    authorityKeyIdentifier=keyid\nsubjectAltName=critical,URI:spiffe://cluster.local/ns/shop/sa/app\n\
    extendedKeyUsage=";

/// What `openssl ca` wants to revoke and to sign a CRL.
const REVOCATION: &str = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\ndefault_md=sha256\n\
    default_crl_days=30\n";

const REQUEST: &str = "req -x509 -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// A root certificate with its key.
pub(crate) struct Authority {
    directory: Directory,
    /// PEM.
    pub root: String,
}

/// A certificate with its key, PEM.
pub(crate) struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub(crate) fn create(name: &str) -> Self {
        Self::create_with_extensions(name, ROOT)
    }

    pub(crate) fn create_with_extensions(name: &str, extensions: &str) -> Self {
        let directory = Directory::create("authority").unwrap();
        let configuration = format!(
            "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n\
             [root]\n{extensions}[intermediate]\n{INTERMEDIATE}[leaf]\n{LEAF}serverAuth,clientAuth\n\
             [server]\n{LEAF}serverAuth\n[client]\n{LEAF}clientAuth\n{REVOCATION}"
        );
        directory.write("ca.cnf", configuration).unwrap();
        let line = "-extensions root -keyout root.key -out root.pem -days 3650";
        request(&directory, line, name);
        let root = std::fs::read_to_string(directory.join("root.pem")).unwrap();
        Self { directory, root }
    }

    pub(crate) fn intermediate(&self, name: &str, days: u32) -> Issued {
        self.sign("intermediate", "root", name, days)
    }

    /// A workload's certificate by the intermediate of that name.
    pub(crate) fn leaf(&self, intermediate: &str, name: &str) -> Issued {
        self.sign("leaf", intermediate, name, 1)
    }

    /// One for one side only: `server`, or `client`.
    pub(crate) fn leaf_of(&self, side: &str, intermediate: &str) -> Issued {
        self.sign(side, intermediate, side, 1)
    }

    /// The CRL of that CA (`root`, or an intermediate by its name), which revokes these certificates; PEM.
    pub(crate) fn crl(&self, issuer: &str, revoked: &[&str]) -> String {
        self.directory.write("index", "").unwrap();
        let ca = format!("ca -config ca.cnf -cert {issuer}.pem -keyfile {issuer}.key");
        for name in revoked {
            self.openssl(&format!("{ca} -revoke {name}.pem"));
        }
        self.openssl(&format!("{ca} -gencrl"))
    }

    fn sign(&self, kind: &str, issuer: &str, name: &str, days: u32) -> Issued {
        let line = format!(
            "-extensions {kind} -CA {issuer}.pem -CAkey {issuer}.key \
             -keyout {name}.key -out {name}.pem -days {days}"
        );
        request(&self.directory, &line, name);
        let read = |suffix: &str| {
            std::fs::read_to_string(self.directory.join(format!("{name}.{suffix}"))).unwrap()
        };
        Issued { certificate: read("pem"), key: read("key") }
    }

    fn openssl(&self, line: &str) -> String {
        openssl::run(self.directory.path(), line.split(' ')).unwrap()
    }

    /// The Secret that an istiod loads.
    pub(crate) fn cacerts(&self, intermediate: &Issued) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.name = Some("cacerts".to_owned());
        let files = [
            ("ca-cert.pem", &intermediate.certificate),
            ("ca-key.pem", &intermediate.key),
            ("cert-chain.pem", &intermediate.certificate),
            ("root-cert.pem", &self.root),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), ByteString(text.clone().into())));
        secret.data = Some(files.into());
        secret
    }
}

fn request(directory: &Directory, line: &str, name: &str) {
    let subject = format!("/O=meshroot test/CN={name}");
    let words = REQUEST.split(' ').chain(line.split(' ')).chain(["-subj", &subject]);
    openssl::run(directory.path(), words).unwrap();
}
