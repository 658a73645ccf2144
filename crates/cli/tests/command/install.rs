use std::process::{Command, Stdio};

use meshroot_testkit::tools;

use crate::program::{answer, command, has, run};
use crate::stage::{hub, kubectl};

#[tokio::test]
async fn what_is_printed_can_be_applied_and_applied_again() {
    let hub = hub().await;
    let yaml = run(None, &["install", "--image", "meshroot-hub:0.1.0"]).yes();
    let again = kubectl(hub.kubeconfig(), &["apply", "-f", "-"], yaml.as_bytes()).yes();
    assert!(!again.contains(" created"), "{again}");
    has(
        &again,
        &["customresourcedefinition.apiextensions.k8s.io/virtualmeshcertificatesigningrequests"],
    );
}

#[test]
fn no_cluster_is_asked() {
    let yaml = run(Some(std::path::Path::new("/nonexistent")), &["install", "--crds-only"]).yes();
    assert_eq!(yaml.matches("kind: CustomResourceDefinition").count(), 9);
    assert!(!yaml.contains("kind: Deployment"));
}

#[test]
fn definitions_alone_have_no_image() {
    let answer = run(None, &["install", "--crds-only", "--image", "x"]);
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child =
        command(None, &["install"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[tokio::test]
async fn kubectl_finds_the_command_as_a_plugin() {
    let hub = hub().await;
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_meshroot"),
        directory.path().join("kubectl-meshroot"),
    )
    .unwrap();
    let mut kubectl = Command::new(tools::path("kubectl").unwrap());
    kubectl
        .env("PATH", directory.path())
        .env("HOME", directory.path())
        .env("KUBECONFIG", hub.kubeconfig());
    has(
        &answer(kubectl.args(["meshroot", "renew", "--help"]), b"").yes(),
        &["Usage: kubectl meshroot renew"],
    );
}

#[test]
fn a_completion_script_knows_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        has(&run(None, &["completion", shell]).yes(), &["approve", "virtual-mesh"]);
    }
}

#[test]
fn the_version_is_for_people_and_for_programs() {
    has(&run(None, &["version"]).yes(), &["meshroot 0."]);
    has(&run(None, &["version", "-o", "json"]).yes(), &["\"version\": \"0."]);
}
