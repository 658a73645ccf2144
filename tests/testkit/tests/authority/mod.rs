//! A root and its intermediates, made by the `openssl` command.

use std::process::Command;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use meshroot_testkit::Directory;

const ROOT: &str = "basicConstraints=critical,CA:true,pathlen:2\n\
    keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

const INTERMEDIATE: &str = "basicConstraints=critical,CA:true,pathlen:0\n\
    keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

const REQUEST: &str = "req -x509 -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// A root certificate with its key.
pub(crate) struct Authority {
    directory: Directory,
    /// PEM.
    pub root: String,
}

/// An intermediate with its key, PEM.
pub(crate) struct Intermediate {
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
             [root]\n{extensions}[intermediate]\n{INTERMEDIATE}"
        );
        directory.write("ca.cnf", configuration).unwrap();
        let line = "-extensions root -keyout root.key -out root.pem -days 3650";
        openssl(&directory, line, name);
        let root = std::fs::read_to_string(directory.join("root.pem")).unwrap();
        Self { directory, root }
    }

    pub(crate) fn intermediate(&self, name: &str, days: u32) -> Intermediate {
        let line = format!(
            "-extensions intermediate -CA root.pem -CAkey root.key \
             -keyout {name}.key -out {name}.pem -days {days}"
        );
        openssl(&self.directory, &line, name);
        let read = |suffix: &str| {
            std::fs::read_to_string(self.directory.join(format!("{name}.{suffix}"))).unwrap()
        };
        Intermediate { certificate: read("pem"), key: read("key") }
    }

    /// The Secret that an istiod loads.
    pub(crate) fn cacerts(&self, intermediate: &Intermediate) -> Secret {
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

fn openssl(directory: &Directory, line: &str, name: &str) {
    let output = Command::new("openssl")
        .current_dir(directory.path())
        .args(REQUEST.split(' ').chain(line.split(' ')))
        .args(["-subj", &format!("/O=meshroot test/CN={name}")])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {line}: {error}");
}
