//! The `openssl` command: keys, requests and certificates, also such as nobody should make.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::Directory;

const CONFIGURATION: &str = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n";

/// Extensions of a root or of an intermediate that may sign another one.
pub(crate) const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                             subjectKeyIdentifier=hash\n";

/// A directory in which `openssl` works.
pub(crate) struct OpenSsl(Directory);

/// A key and its certificate, PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

impl OpenSsl {
    pub(crate) fn new() -> Result<Self> {
        let directory = Directory::create("openssl")?;
        directory.write("openssl.cnf", CONFIGURATION)?;
        Ok(Self(directory))
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let output = Command::new("openssl").current_dir(self.0.path()).args(arguments).output()?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "openssl {}: {error}", arguments.join(" "));
        Ok(output.stdout)
    }

    /// A new key, by the arguments of `openssl genpkey`.
    pub(crate) fn key(&self, kind: &[&str]) -> Result<String> {
        Ok(String::from_utf8(self.run(&[&["genpkey"], kind].concat())?)?)
    }

    pub(crate) fn elliptic_key(&self) -> Result<String> {
        self.key(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    /// A request for a key, PEM; `hosts` as in `subjectAltName`, or empty.
    pub(crate) fn request(&self, key: &str, subject: &str, hosts: &str) -> Result<String> {
        self.0.write("request.key", key)?;
        let name = format!("subjectAltName={hosts}");
        let mut arguments = vec![
            "req",
            "-new",
            "-config",
            "openssl.cnf",
            "-sha256",
            "-key",
            "request.key",
            "-subj",
            subject,
        ];
        if !hosts.is_empty() {
            arguments.extend(["-addext", &name]);
        }
        Ok(String::from_utf8(self.run(&arguments)?)?)
    }

    /// PEM to DER.
    pub(crate) fn request_der(&self, pem: &str) -> Result<Vec<u8>> {
        self.0.write("request.pem", pem)?;
        self.run(&["req", "-config", "openssl.cnf", "-in", "request.pem", "-outform", "DER"])
    }

    /// A certificate with these extensions; signed by `issuer`, or by itself. `until` is `YYMMDDHHMMSSZ`.
    pub(crate) fn certificate(
        &self,
        name: &str,
        extensions: &str,
        issuer: Option<&Pair>,
        until: &str,
    ) -> Result<Pair> {
        self.certificate_for(self.elliptic_key()?, name, extensions, issuer, until)
    }

    /// The same with a key that there is.
    pub(crate) fn certificate_for(
        &self,
        key: String,
        name: &str,
        extensions: &str,
        issuer: Option<&Pair>,
        until: &str,
    ) -> Result<Pair> {
        let request = self.request(&key, &format!("/CN={name}"), "")?;
        self.0.write("ca.req", request)?;
        self.0.write("extensions", extensions)?;
        self.0.write("index", "")?;
        let mut arguments = vec![
            "ca",
            "-batch",
            "-notext",
            "-rand_serial",
            "-config",
            "openssl.cnf",
            "-in",
            "ca.req",
        ];
        arguments.extend([
            "-out",
            "ca.pem",
            "-extfile",
            "extensions",
            "-startdate",
            "200101000000Z",
            "-enddate",
            until,
        ]);
        if let Some(issuer) = issuer {
            self.0.write("issuer.key", &issuer.key)?;
            self.0.write("issuer.pem", &issuer.certificate)?;
            arguments.extend(["-keyfile", "issuer.key", "-cert", "issuer.pem"]);
        } else {
            self.0.write("own.key", &key)?;
            arguments.extend(["-selfsign", "-keyfile", "own.key"]);
        }
        self.run(&arguments)?;
        let certificate =
            std::fs::read_to_string(self.0.join("ca.pem")).context("openssl ca wrote nothing")?;
        Ok(Pair { key, certificate })
    }
}
