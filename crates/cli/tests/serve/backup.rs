//! Everything in one file, while the server goes on; and a server made of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use meshroot_testkit::{Directory, api_server};
use serde_json::json;

use crate::program::{has, run};
use crate::server::{API_ONLY, Served, WHOLE, Writer, client, token, written};

fn revision(text: Option<&String>) -> u64 {
    text.unwrap().parse().unwrap()
}

fn words<'a>(words: &[&'a str], path: &'a Path) -> Vec<&'a str> {
    [words, &[path.to_str().unwrap()]].concat()
}

async fn one_more(client: &Client) -> u64 {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let map = serde_json::from_value(json!({ "metadata": { "generateName": "more-" } })).unwrap();
    let map = maps.create(&PostParams::default(), &map).await.unwrap();
    revision(map.metadata.resource_version.as_ref())
}

/// The code of the first answer to a watch from a revision.
async fn watch_from(client: &Client, revision: u64) -> Option<u16> {
    let maps: Api<ConfigMap> = Api::all(client.clone());
    let watch =
        maps.watch(&WatchParams::default().timeout(1), &revision.to_string()).await.unwrap();
    match watch.boxed().next().await {
        Some(Ok(WatchEvent::Error(status))) => Some(status.code),
        Some(Err(error)) => panic!("{error}"),
        _ => None,
    }
}

/// What a ServiceAccount without rights is told: forbidden, if it is known.
async fn asks(kubeconfig: &str) -> u16 {
    let client = client(&Kubeconfig::from_yaml(kubeconfig).unwrap()).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client);
    let Err(kube::Error::Api(status)) = namespaces.list(&ListParams::default()).await else {
        panic!("allowed")
    };
    status.code
}

#[tokio::test]
async fn a_backup_made_while_a_writer_goes_on_is_whole_and_a_server_goes_on_from_it() {
    let directory = Directory::create("backup").unwrap();
    let served = Served::start(&directory.join("old"), WHOLE).await;
    let admin = served.client().await;
    let account =
        served.kubeconfig_for(&token(&admin, "meshroot-system", "meshroot-hub").await, "account");
    let old = one_more(&admin).await;

    let writer = Writer::start(admin.clone());
    writer.reaches(30).await;
    let (file, before) = (directory.join("hub.backup"), writer.acknowledged());
    let told = run_beside(served.kubeconfig(), file.clone()).await;
    has(&told, &["backed up ", " objects at revision "]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    writer.reaches(writer.acknowledged() + 10).await;
    let all = writer.end().await;
    let last = one_more(&admin).await;
    let address = served.address();
    served.process.stop();

    let data = directory.join("new");
    has(
        &run(None, &words(&["restore", file.to_str().unwrap(), "--data"], &data)).yes(),
        &["meshroot serve --data"],
    );
    std::fs::copy(served.kubeconfig(), data.join("admin.kubeconfig")).unwrap();
    let restored = Served::start_on(&address, &data, WHOLE).await;
    // The client of before: the same CA and the same token.
    let there = written(&admin).await;
    assert!(
        before <= there && there < all,
        "{there} objects; {before} before the backup, {all} in the end"
    );
    assert_eq!(watch_from(&admin, old).await, Some(410));
    assert_eq!(watch_from(&admin, last).await, Some(410));
    let new = one_more(&admin).await;
    assert!(new > last, "revision {new} was given before, up to {last}");
    assert_eq!(watch_from(&admin, new).await, None);
    assert_eq!(asks(&account).await, 403);
    drop(restored);
}

/// `meshroot backup`, on a thread of its own: the writer is on this one.
async fn run_beside(kubeconfig: PathBuf, file: PathBuf) -> String {
    let backup = move || run(Some(&kubeconfig), &words(&["backup"], &file)).yes();
    tokio::task::spawn_blocking(backup).await.unwrap()
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_is_for_the_administrator() {
    let directory = Directory::create("backup").unwrap();
    let served = Served::start(&directory.join("data"), WHOLE).await;
    let file = directory.write("taken", "something else").unwrap();
    let told = run(Some(&served.kubeconfig()), &words(&["backup"], &file)).no(1);
    has(&told, &["exists already", "nothing is overwritten"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "something else");

    let hub = token(&served.client().await, "meshroot-system", "meshroot-hub").await;
    let kubeconfig = directory.write("hub.kubeconfig", served.kubeconfig_for(&hub, "hub")).unwrap();
    let file = directory.join("hub.backup");
    has(&run(Some(&kubeconfig), &words(&["backup"], &file)).no(1), &["only an administrator"]);
    assert_eq!(beside(&file), [""; 0]);
    let nowhere = directory.join("nowhere/hub.backup");
    has(
        &run(Some(&served.kubeconfig()), &words(&["backup"], &nowhere)).no(1),
        &["nowhere/hub.backup"],
    );
}

/// What there is of a file: itself, and what begins as it does.
fn beside(file: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.starts_with(file.file_name().unwrap().to_str().unwrap())).collect()
}

#[tokio::test]
async fn a_kube_apiserver_has_no_backup_of_ours() {
    let (real, directory) =
        (api_server::shared().await.unwrap(), Directory::create("backup").unwrap());
    let file = directory.join("hub.backup");
    let told = run(Some(real.kubeconfig_path()), &words(&["backup"], &file)).no(1);
    has(&told, &["this server keeps its state elsewhere", "`meshroot serve`"]);
    assert_eq!(beside(&file), [""; 0]);
}

#[tokio::test]
async fn a_restore_overwrites_nothing_and_takes_no_damaged_file() {
    let directory = Directory::create("backup").unwrap();
    let served = Served::start(&directory.join("data"), API_ONLY).await;
    one_more(&served.client().await).await;
    let file = directory.join("hub.backup");
    run(Some(&served.kubeconfig()), &words(&["backup"], &file)).yes();
    let restore = |file: &Path, data: &Path| {
        run(None, &words(&["restore", file.to_str().unwrap(), "--data"], data))
    };
    has(&restore(&file, &served.data).no(1), &["state.redb exists already"]);

    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed.iter_mut().skip(20_000).step_by(4096).for_each(|byte| *byte ^= 0xff);
    let data = directory.join("new");
    for (name, content) in
        [("changed", &*changed), ("short", &whole[..whole.len() / 2]), ("text", b"no backup")]
    {
        let damaged = directory.write(name, content).unwrap();
        has(
            &restore(&damaged, &data).no(1),
            &[&format!("{} is not a usable backup", damaged.display())],
        );
        assert!(!data.exists(), "{name}");
    }
    has(&restore(&directory.join("none"), &data).no(1), &["none is not a usable backup"]);
    restore(&file, &data).yes();
}
