use super::*;

fn kubeconfig_file(text: &str) -> (tempfile::TempDir, Target) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    std::fs::write(&path, text).unwrap();
    (directory, Target { kubeconfig: Some(path), context: None })
}

const TWO_CONTEXTS: &str = r#"{"apiVersion":"v1","kind":"Config","current-context":"gone",
    "contexts":[{"name":"east","context":{"cluster":"k","user":"u"}},{"name":"west","context":{"cluster":"k","user":"u"}}],
    "clusters":[{"name":"k","cluster":{"server":"https://localhost:6443"}}],
    "users":[{"name":"u","user":{"token":"t"}}]}"#;

#[tokio::test]
async fn an_unknown_context_is_answered_with_the_file_and_the_contexts_in_it() {
    let (_directory, target) = kubeconfig_file(TWO_CONTEXTS);
    let target = Target { context: Some("north".into()), ..target };
    let error = connect(&target, "test").err().expect("refused").to_string();
    let file = target.kubeconfig.unwrap().display().to_string();
    assert_eq!(error, format!("kubeconfig {file} has no context \"north\"; it has: east, west"));
}

#[tokio::test]
async fn a_current_context_that_is_gone_is_named() {
    let (_directory, target) = kubeconfig_file(TWO_CONTEXTS);
    let error = connect(&target, "test").err().expect("refused").to_string();
    assert!(error.contains("has no context \"gone\"; it has: east, west"), "{error}");
}

#[tokio::test]
async fn without_a_current_context_one_must_be_named() {
    let (_directory, target) = kubeconfig_file(&TWO_CONTEXTS.replace("\"gone\"", "\"\""));
    let error = connect(&target, "test").err().expect("refused");
    assert!(
        matches!(&error, ConnectError::ContextUnset { contexts, .. } if contexts == &["east", "west"]),
        "{error}"
    );
    let target = Target { context: Some("east".into()), ..target };
    assert!(connect(&target, "test").is_ok());
}

#[tokio::test]
async fn a_kubeconfig_that_is_missing_or_broken_is_named() {
    let (directory, target) = kubeconfig_file("{");
    let path = directory.path().join("config").display().to_string();
    let error = connect(&target, "test").err().expect("refused").to_string();
    assert!(error.contains(&path), "{error}");
    let target = Target { kubeconfig: Some(directory.path().join("absent")), context: None };
    let error = connect(&target, "test").err().expect("refused").to_string();
    assert!(error.contains("absent") && error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_user_agent_that_breaks_the_header_is_refused() {
    let (_directory, target) = kubeconfig_file(TWO_CONTEXTS);
    let target = Target { context: Some("east".into()), ..target };
    let error = connect(&target, "a\r\nb").err().expect("refused");
    assert!(matches!(error, ConnectError::UserAgent { .. }), "{error}");
}

#[test]
fn a_ca_bundle_without_certificates_is_refused() {
    let error =
        connect_with_token("https://hub:6443", b"", SharedToken::new("t"), "test").err().unwrap();
    assert!(
        matches!(&error, ConnectError::CaBundle { url, .. } if url == "https://hub:6443"),
        "{error}"
    );
}

#[test]
fn a_url_without_tls_is_refused() {
    let error =
        connect_with_token("http://hub:8080", b"", SharedToken::new("t"), "test").err().unwrap();
    assert!(matches!(error, ConnectError::Url { .. }), "{error}");
}
