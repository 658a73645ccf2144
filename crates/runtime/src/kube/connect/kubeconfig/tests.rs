use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::kube::connect::connect_with;

/// A directory with kubeconfigs for a server in this process.
struct Place {
    directory: tempfile::TempDir,
    server: apiserver::Server,
    sound: Value,
}

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = apiserver::Server::open(apiserver::Options::default()).await.unwrap();
        let endpoint = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let text = endpoint.kubeconfig("c", "u", server.admin_token().unwrap());
        let sound: Value = serde_saphyr::from_str(&text).unwrap();
        let place = Self { directory, server, sound };
        place.write("sound", &place.sound);
        place
    }

    fn write(&self, name: &str, content: &Value) {
        fs::write(self.path(name), content.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The sound kubeconfig with other fields in its one cluster, user or context; null removes one.
    fn with(&self, place: &str, fields: &Value) -> Value {
        let mut changed = self.sound.clone();
        let entry = changed.pointer_mut(place).unwrap().as_object_mut().unwrap();
        for (field, value) in fields.as_object().unwrap() {
            entry.insert(field.clone(), value.clone());
        }
        entry.retain(|_, value| !value.is_null());
        changed
    }

    /// As with `KUBECONFIG` set to these files.
    fn list(&self, names: &[&str]) -> Result<Option<Kubeconfig>, ConnectError> {
        let paths = names.iter().map(|name| match *name {
            "" => PathBuf::new(),
            name => self.path(name),
        });
        find(&Target::default(), Some(&std::env::join_paths(paths).unwrap()))
    }

    async fn calls(&self, names: &[&str]) -> Result<(), String> {
        let kubeconfig = self.list(names).map_err(|error| error.to_string())?.ok_or("no file")?;
        let config = kubeconfig.config(None).map_err(|error| error.to_string())?;
        let client = connect_with(config, "test").map_err(|error| error.to_string())?;
        let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(client);
        namespaces.get("default").await.map(drop).map_err(|error| error.to_string())
    }

    async fn accepts(&self, why: &str, content: &Value) {
        self.write("case", content);
        assert_eq!(self.calls(&["case"]).await, Ok(()), "{why}");
    }

    async fn refuses(&self, content: &Value, expected: &str) {
        self.write("case", content);
        let error = self.calls(&["case"]).await.expect_err(expected);
        assert!(error.contains("case") && error.contains(expected), "{error:?}\n{expected:?}");
    }
}

const CLUSTER: &str = "/clusters/0/cluster";
const USER: &str = "/users/0/user";
const CONTEXT: &str = "/contexts/0/context";

#[tokio::test]
async fn a_kubeconfig_is_read_as_kubectl_reads_it() {
    let place = Place::new().await;
    let ca = place.sound.pointer("/clusters/0/cluster/certificate-authority-data").unwrap();
    let ca = ca.as_str().unwrap().to_owned();
    let token = place.server.admin_token().unwrap().to_owned();
    let wrapped = |end: &str| {
        let lines = ca.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap());
        lines.collect::<Vec<_>>().join(end) + end
    };
    let pem = base64_decoded(&ca);
    fs::write(place.path("ca.pem"), &pem).unwrap();
    fs::write(place.path("token"), format!("{token}\n")).unwrap();
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let amid_junk = base64_encoded(format!("a comment\n{junk}{pem}").as_bytes());
    let data = "certificate-authority-data";
    for (why, part, fields) in [
        ("lines in base64", CLUSTER, json!({ data: wrapped("\n") })),
        ("lines of Windows in base64", CLUSTER, json!({ data: wrapped("\r\n") })),
        ("text and a broken block around the CA", CLUSTER, json!({ data: amid_junk })),
        (
            "the CA in a file beside it",
            CLUSTER,
            json!({ data: null, "certificate-authority": "ca.pem" }),
        ),
        ("empty is not set", CLUSTER, json!({ data: "", "certificate-authority": "ca.pem" })),
        ("data before a file", CLUSTER, json!({ "certificate-authority": "absent.pem" })),
        ("no verification", CLUSTER, json!({ data: null, "insecure-skip-tls-verify": true })),
        (
            "a boolean of YAML 1.1",
            CLUSTER,
            json!({ data: null, "insecure-skip-tls-verify": "yes" }),
        ),
        ("another name for TLS", CLUSTER, json!({ "tls-server-name": "localhost" })),
        ("empty fields", CLUSTER, json!({ "tls-server-name": "", "proxy-url": "" })),
        ("a token in a file", USER, json!({ "token": null, "tokenFile": "token" })),
        ("a file before a token", USER, json!({ "token": "old", "tokenFile": "token" })),
        ("a token where its file is absent", USER, json!({ "tokenFile": "absent" })),
        ("a line break after a token", USER, json!({ "token": format!("{token}\n") })),
        ("a token before a plugin", USER, json!({ "exec": { "command": "./absent" } })),
        ("no namespace", CONTEXT, json!({ "namespace": "" })),
    ] {
        place.accepts(why, &place.with(part, &fields)).await;
    }
}

#[tokio::test]
async fn what_other_contexts_lack_is_no_fault_of_the_one_that_is_used() {
    let place = Place::new().await;
    let mut others = place.sound.clone();
    others["contexts"].as_array_mut().unwrap().extend([
        json!({ "name": "x", "context": { "namespace": "y" } }),
        json!({ "name": "z", "context": null }),
    ]);
    let user = json!({ "auth-provider": { "name": "oidc", "config": null }, "token": 5 });
    others["users"].as_array_mut().unwrap().push(json!({ "name": "o", "user": user }));
    others["preferences"] = Value::Null;
    place.accepts("other entries", &others).await;
}

#[tokio::test]
async fn a_byte_order_mark_and_a_field_that_is_repeated_are_no_obstacle() {
    let place = Place::new().await;
    let text = place.sound.to_string();
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(utf16).collect();
    let repeated = text.replace("\"token\":", "\"token\":\"old\",\"token\":");
    for bytes in [format!("\u{feff}{text}").into_bytes(), utf16, repeated.into_bytes()] {
        fs::write(place.path("case"), bytes).unwrap();
        assert_eq!(place.calls(&["case"]).await, Ok(()));
    }
}

#[tokio::test]
async fn of_a_list_of_files_the_first_to_name_something_counts() {
    let place = Place::new().await;
    let mut nobody = place.sound.clone();
    nobody["users"][0]["user"] = json!({ "token": "of-nobody" });
    place.write("nobody", &nobody);
    place.write("empty", &json!({ "current-context": "", "clusters": [], "users": null }));
    fs::write(place.path("blank"), "").unwrap();
    let mut elsewhere = place.sound.clone();
    elsewhere["current-context"] = json!("elsewhere");
    place.write("elsewhere", &elsewhere);
    let mut half = place.sound.clone();
    half["clusters"] = json!([]);
    half["users"] = json!([]);
    place.write("half", &half);
    for list in [
        &["absent", "sound"][..],
        &["sound", "absent"],
        &["", "sound", ""],
        &["empty", "sound"],
        &["blank", "sound"],
        &["sound", "nobody"],
        &["sound", "sound"],
        &["half", "sound"],
        &["sound", "elsewhere"],
    ] {
        assert_eq!(place.calls(list).await, Ok(()), "{list:?}");
    }
    let error = place.calls(&["nobody", "sound"]).await.unwrap_err();
    assert!(error.contains("Unauthorized"), "{error}");
    let error = place.calls(&["elsewhere", "sound"]).await.unwrap_err();
    assert!(error.contains("has no context \"elsewhere\""), "{error}");
}

#[tokio::test]
async fn paths_are_relative_to_the_file_that_names_them() {
    let place = Place::new().await;
    fs::create_dir(place.path("sub")).unwrap();
    fs::write(place.path("sub/token"), place.server.admin_token().unwrap()).unwrap();
    place.write("sub/config", &place.with(USER, &json!({ "token": null, "tokenFile": "token" })));
    place.write("empty", &json!({}));
    assert_eq!(place.calls(&["empty", "sub/config"]).await, Ok(()));
}

#[test]
fn a_list_that_names_no_file_hides_the_usual_file() {
    for list in [":", "::", "absent:/absent/too"] {
        assert!(find(&Target::default(), Some(&list.into())).unwrap().is_none(), "{list}");
    }
}

#[tokio::test]
async fn a_plugin_of_the_kubeconfig_is_run_from_beside_it_and_told_of_the_cluster() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new().await;
    let token = place.server.admin_token().unwrap();
    let answer = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token } });
    let plugin = place.path("plugin");
    let script = format!(
        "#!/bin/sh\ncase \"$KUBERNETES_EXEC_INFO\" in *certificate-authority-data*) echo '{answer}';; esac\n"
    );
    fs::write(&plugin, script).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let exec = |command: &str| {
        json!({ "token": null, "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "args": null, "provideClusterInfo": true, "interactiveMode": "Never" } })
    };
    place.accepts("a plugin", &place.with(USER, &exec("./plugin"))).await;

    place.write("case", &place.with(USER, &exec("./absent")));
    let error = place.calls(&["case"]).await.unwrap_err();
    assert!(error.contains("absent (users[].exec) does not start"), "{error}");
    fs::write(&plugin, "#!/bin/sh\necho secret; echo expired >&2; exit 3\n").unwrap();
    place.write("case", &place.with(USER, &exec("./plugin")));
    let error = place.calls(&["case"]).await.unwrap_err();
    assert!(error.ends_with("exit status: 3: expired") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_file_and_field() {
    let place = Place::new().await;
    fs::write(place.path("blank"), "\n").unwrap();
    let of_hello = base64_encoded(b"hello");
    let data = "certificate-authority-data";
    for (part, fields, expected) in [
        (CLUSTER, json!({ data: "!!!" }), "clusters[c].certificate-authority-data is not base64"),
        (CLUSTER, json!({ data: of_hello }), "certificate-authority-data holds no certificate"),
        (
            CLUSTER,
            json!({ data: null, "certificate-authority": "absent.pem" }),
            "absent.pem, which cannot be read: No such file",
        ),
        (
            CLUSTER,
            json!({ "insecure-skip-tls-verify": true }),
            "clusters[c].insecure-skip-tls-verify cannot stand beside",
        ),
        (CLUSTER, json!({ "insecure-skip-tls-verify": 1 }), "is neither true nor false"),
        (CLUSTER, json!({ "server": null }), "clusters[c].server is not set"),
        (CLUSTER, json!({ "server": "ftp://x" }), "clusters[c].server is not the URL"),
        (CLUSTER, json!({ "proxy-url": "ftp://x" }), "clusters[c].proxy-url is not a URL"),
        (CLUSTER, json!({ "proxy-url": "socks5://x:1" }), "\"socks5\", which is not supported"),
        (CONTEXT, json!({ "cluster": "gone" }), "contexts[c].cluster is \"gone\""),
        (CONTEXT, json!({ "cluster": "gone" }), "there is no such cluster; there is: c"),
        (CONTEXT, json!({ "cluster": null }), "contexts[c].cluster is not set"),
        (USER, json!({ "token": 12345 }), "users[u].token is not text"),
        (USER, json!({ "token": "two\nlines" }), "users[u].token cannot be sent"),
        (USER, json!({ "username": "a" }), "users[u].username stands beside a token"),
        (USER, json!({ "token": null, "tokenFile": "absent" }), "users[u].tokenFile names"),
        (USER, json!({ "token": null, "tokenFile": "blank" }), "does not hold a token"),
        (USER, json!({ "client-certificate-data": "AAAA" }), "users[u].client-key is not set"),
        (USER, json!({ "client-key-data": "AAAA" }), "users[u].client-certificate is not set"),
        (
            USER,
            json!({ "client-certificate-data": "AAAA", "client-key-data": "AAAA" }),
            "users[u].client-certificate-data holds no certificate",
        ),
        (
            USER,
            json!({ "token": null, "exec": { "args": [] } }),
            "users[u].exec.command is not set",
        ),
        (USER, json!({ "as-groups": "secret" }), "users[u].as-groups does not have the form"),
        ("", json!({ "kind": "Secret" }), "kind is \"Secret\""),
        ("", json!({ "clusters": {} }), "clusters is not a list"),
        ("", json!({ "users": [{ "user": {} }] }), "users has no name in entry 1"),
        ("", json!({ "users": [{ "name": "u" }, { "name": "u" }] }), "two entries named \"u\""),
    ] {
        place.refuses(&place.with(part, &fields), expected).await;
    }
}

#[tokio::test]
async fn what_is_no_kubeconfig_is_refused_without_its_content() {
    let place = Place::new().await;
    for (text, expected) in [
        ("[]", "is not a kubeconfig"),
        ("my-secret", "is not a kubeconfig"),
        ("users:\n- user: {token: my-secret", "is not YAML (line"),
        ("\u{0}my-secret", "is not YAML"),
    ] {
        fs::write(place.path("case"), text).unwrap();
        let error = place.calls(&["case"]).await.unwrap_err();
        assert!(error.contains(expected) && !error.contains("my-secret"), "{error}");
    }
    fs::write(place.path("case"), [b'a', 0xe9]).unwrap();
    let error = place.calls(&["case"]).await.unwrap_err();
    assert!(error.ends_with("case is not UTF-8 text"), "{error}");
    fs::create_dir(place.path("folder")).unwrap();
    let error = place.calls(&["sound", "folder"]).await.unwrap_err();
    assert!(error.contains("folder cannot be read: Is a directory"), "{error}");
}

fn base64_encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_decoded(text: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}
