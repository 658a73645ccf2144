//! The text of a kubeconfig: where the server is, how to know it, and who one is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a client shows who it is.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A bearer token.
    Token(&'a str),
    /// A client certificate and its key, both PEM.
    ClientCertificate {
        /// The certificate.
        certificate_pem: &'a str,
        /// Its private key.
        key_pem: &'a str,
    },
}

/// What a kubeconfig says.
#[derive(Clone, Copy)]
pub struct Kubeconfig<'a> {
    /// Name of the cluster and of the context.
    pub name: &'a str,
    /// `https://HOST:PORT`.
    pub server: &'a str,
    /// Certificate of the authority that the server's certificate comes from.
    pub ca_pem: &'a str,
    /// Name under which the credential is kept.
    pub user: &'a str,
    /// The context's namespace, if it is not `default`.
    pub namespace: Option<&'a str>,
    /// The credential.
    pub credential: Credential<'a>,
}

/// The YAML text, for a file that only its owner can read.
pub fn kubeconfig(config: &Kubeconfig<'_>) -> String {
    let Kubeconfig { name, server, ca_pem, user, namespace, credential } = config;
    let (name, user) = (quoted(name), quoted(user));
    let namespace = namespace
        .map(|namespace| format!("\n    namespace: {}", quoted(namespace)))
        .unwrap_or_default();
    let credential = match credential {
        Credential::Token(token) => format!("token: {}", quoted(token)),
        Credential::ClientCertificate { certificate_pem, key_pem } => format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            STANDARD.encode(certificate_pem),
            STANDARD.encode(key_pem)
        ),
    };
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: {name}\n  cluster:\n    server: {}\n    \
         certificate-authority-data: {}\nusers:\n- name: {user}\n  user:\n    {credential}\ncontexts:\n- name: {name}\n  \
         context:\n    cluster: {name}\n    user: {user}{namespace}\ncurrent-context: {name}\npreferences: {{}}\n",
        quoted(server),
        STANDARD.encode(ca_pem),
    )
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_readable_and_complete() {
        let config = Kubeconfig {
            name: "demo",
            server: "https://127.0.0.1:6443",
            ca_pem: "CA\n",
            user: "admin",
            namespace: Some("apps"),
            credential: Credential::Token("secret"),
        };
        let expected = "apiVersion: v1\nkind: Config\nclusters:\n- name: \"demo\"\n  cluster:\n    server: \"https://127.0.0.1:6443\"\n    certificate-authority-data: Q0EK\nusers:\n- name: \"admin\"\n  user:\n    token: \"secret\"\ncontexts:\n- name: \"demo\"\n  context:\n    cluster: \"demo\"\n    user: \"admin\"\n    namespace: \"apps\"\ncurrent-context: \"demo\"\npreferences: {}\n";
        assert_eq!(kubeconfig(&config), expected);
    }
}
