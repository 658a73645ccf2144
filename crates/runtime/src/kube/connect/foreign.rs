//! Clients from a kubeconfig that somebody else wrote, such as one in a Secret.

use kube::Client;

use super::connect_with;
use super::error::ConnectError;
use super::kubeconfig::{Entry, Kubeconfig};

/// Makes a client from the text of a kubeconfig; an empty `context` means its current one.
///
/// Whoever may write the text must gain nothing on this machine: a kubeconfig that runs a command or reads a file is
/// refused. `file` names where it came from (`Secret meshroot-system/east, key east`), for messages.
pub fn connect_with_kubeconfig(
    file: &str,
    text: &str,
    context: Option<&str>,
    user_agent: &str,
) -> Result<Client, ConnectError> {
    let kubeconfig = Kubeconfig::parse(file, text, None)?;
    if let Some(field) = reach_of(&kubeconfig) {
        return Err(ConnectError::ReachesOut { file: file.to_owned(), field });
    }
    let context = context.filter(|context| !context.is_empty());
    connect_with(kubeconfig.config(context)?, user_agent)
}

fn reach_of(kubeconfig: &Kubeconfig) -> Option<String> {
    let reaching = |section: &str, entry: &Entry, fields: &[&str]| {
        let field = fields.iter().find(|field| entry.has(field))?;
        Some(format!("{section}[{}].{field}", entry.name))
    };
    let clusters = kubeconfig.clusters.iter();
    let clusters = clusters.filter_map(|it| reaching("clusters", it, &["certificate-authority"]));
    let users = kubeconfig.users.iter().filter_map(|it| reaching("users", it, USER_REACH));
    clusters.chain(users).next()
}

const USER_REACH: &[&str] =
    &["exec", "auth-provider", "tokenFile", "client-certificate", "client-key"];

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            r#"{{"apiVersion":"v1","kind":"Config","current-context":"c",
            "contexts":[{{"name":"c","context":{{"cluster":"k","user":"u"}}}}],
            "clusters":[{{"name":"k","cluster":{{"server":"https://localhost:6443"{cluster}}}}}],
            "users":[{{"name":"u","user":{{{user}}}}}]}}"#
        )
    }

    #[tokio::test]
    async fn a_kubeconfig_that_runs_a_command_or_reads_a_file_is_refused() {
        let cases = [
            (
                "",
                r#""exec":{"command":"sh","apiVersion":"client.authentication.k8s.io/v1"}"#,
                "users[u].exec",
            ),
            (
                "",
                r#""auth-provider":{"name":"gcp","config":{"cmd-path":"sh"}}"#,
                "users[u].auth-provider",
            ),
            ("", r#""tokenFile":"/etc/passwd""#, "users[u].tokenFile"),
            ("", r#""client-key":"/etc/key""#, "users[u].client-key"),
            ("", r#""client-certificate":"/etc/cert""#, "users[u].client-certificate"),
            (r#","certificate-authority":"/etc/ca""#, "", "clusters[k].certificate-authority"),
        ];
        for (cluster, user, expected) in cases {
            let text = kubeconfig(cluster, user);
            let error =
                connect_with_kubeconfig("Secret a/b", &text, None, "test").err().expect("refused");
            let ConnectError::ReachesOut { field, .. } = &error else { panic!("{error}") };
            assert_eq!(field, expected);
            assert!(error.to_string().contains("Secret a/b"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_kubeconfig_with_its_data_inside_is_accepted() {
        let text = kubeconfig("", r#""token":"t""#);
        assert!(connect_with_kubeconfig("Secret a/b", &text, Some(""), "test").is_ok());
    }
}
