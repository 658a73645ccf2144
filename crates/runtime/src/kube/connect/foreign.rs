//! Clients from a kubeconfig that somebody else wrote, such as one in a Secret.

use kube::Client;
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::connect_with;
use super::error::ConnectError;
use super::kubeconfig::{from_kubeconfig, kubeconfig_error};

/// Makes a client from the text of a kubeconfig; an empty `context` means its current one.
///
/// Whoever may write the text must gain nothing on this machine: a kubeconfig that runs a command or reads a file is
/// refused. `file` names where it came from (`Secret meshroot-system/east, key east`), for messages.
pub async fn connect_with_kubeconfig(
    file: &str,
    text: &str,
    context: Option<&str>,
    user_agent: &str,
) -> Result<Client, ConnectError> {
    let kubeconfig =
        Kubeconfig::from_yaml(text).map_err(|source| kubeconfig_error(file, source))?;
    if let Some(field) = reach_of(&kubeconfig) {
        return Err(ConnectError::ReachesOut { file: file.to_owned(), field });
    }
    let context = context.filter(|context| !context.is_empty());
    connect_with(from_kubeconfig(file, kubeconfig, context).await?, user_agent)
}

fn reach_of(kubeconfig: &Kubeconfig) -> Option<String> {
    let of_cluster = |cluster: &Cluster| {
        cluster.certificate_authority.is_some().then_some("certificate-authority")
    };
    let clusters = kubeconfig.clusters.iter().filter_map(|named| {
        let field = of_cluster(named.cluster.as_ref()?)?;
        Some(format!("clusters[{}].{field}", named.name))
    });
    let users = kubeconfig.auth_infos.iter().filter_map(|named| {
        let field = reach_of_user(named.auth_info.as_ref()?)?;
        Some(format!("users[{}].{field}", named.name))
    });
    clusters.chain(users).next()
}

fn reach_of_user(user: &AuthInfo) -> Option<&'static str> {
    let fields = [
        ("exec", user.exec.is_some()),
        ("auth-provider", user.auth_provider.is_some()),
        ("tokenFile", user.token_file.is_some()),
        ("client-certificate", user.client_certificate.is_some()),
        ("client-key", user.client_key.is_some()),
    ];
    fields.into_iter().find_map(|(field, is_set)| is_set.then_some(field))
}

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
            let error = connect_with_kubeconfig("Secret a/b", &text, None, "test")
                .await
                .err()
                .expect("refused");
            let ConnectError::ReachesOut { field, .. } = &error else { panic!("{error}") };
            assert_eq!(field, expected);
            assert!(error.to_string().contains("Secret a/b"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_kubeconfig_with_its_data_inside_is_accepted() {
        let text = kubeconfig("", r#""token":"t""#);
        assert!(connect_with_kubeconfig("Secret a/b", &text, Some(""), "test").await.is_ok());
    }
}
