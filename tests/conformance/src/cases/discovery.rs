//! Discovery: how a client learns what there is.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::call::{Call, get};
use crate::case::Case;
use crate::session::Session;

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
/// Resources that every server of these cases has.
const CORE: &[&str] = &[
    "namespaces",
    "namespaces/status",
    "namespaces/finalize",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "serviceaccounts/token",
    "events",
];

pub(super) const CASES: &[Case] = &[
    Case::calls("the versions of the core group are listed", || {
        vec![get("/api").only(&["/kind", "/versions"])]
    }),
    Case::calls("a group and a version of it are described", || {
        vec![get("/apis/$shared"), get("/apis/$shared/v1")]
    }),
    Case::steps("groups are listed with their preferred version", |s| {
        Box::pin(async move {
            for group in [
                "$shared",
                "rbac.authorization.k8s.io",
                "apiextensions.k8s.io",
                "admissionregistration.k8s.io",
                "authentication.k8s.io",
                "authorization.k8s.io",
                "events.k8s.io",
            ] {
                let list = s.ask(&get("/apis")).await?.body;
                let name = s.fill(group);
                let found = element(&list["groups"], "/name", &name);
                s.note(&format!("{group} in /apis"), &json!({ "kind": list["kind"], "name": found["name"], "preferred": found["preferredVersion"]["groupVersion"] }));
            }
            Ok(())
        })
    }),
    Case::steps("core resources are described with verbs, short names and kinds", |s| {
        Box::pin(async move {
            let list = s.ask(&get("/api/v1")).await?.body;
            for name in CORE {
                let found = element(&list["resources"], "/name", name);
                s.note(&format!("{name} in /api/v1"), &found);
            }
            Ok(())
        })
    }),
    Case::steps("RBAC resources are described", |s| {
        Box::pin(async move {
            let list = s.ask(&get("$rbac")).await?.body;
            for name in ["roles", "rolebindings", "clusterroles", "clusterrolebindings"] {
                let found = element(&list["resources"], "/name", name);
                s.note(&format!("{name} of RBAC"), &found);
            }
            Ok(())
        })
    }),
    Case::steps("aggregated discovery describes a custom group", |s| {
        Box::pin(async move {
            let answer = s.ask(&get("/apis").header("accept", AGGREGATED)).await?;
            let name = s.fill("$shared");
            let found = element(&answer.body["items"], "/metadata/name", &name);
            s.note("the group in aggregated /apis", &json!({ "kind": answer.body["kind"], "apiVersion": answer.body["apiVersion"], "type": content_type(&answer.headers), "versions": found["versions"] }));
            Ok(())
        })
    }),
    Case::steps("aggregated discovery describes the core group", |s| {
        Box::pin(async move {
            let answer = s.ask(&get("/api").header("accept", AGGREGATED)).await?;
            let version = &answer.body["items"][0]["versions"][0];
            for name in ["namespaces", "configmaps", "secrets", "serviceaccounts", "events"] {
                let found = element(&version["resources"], "/resource", name);
                s.note(&format!("{name} in aggregated /api"), &found);
            }
            Ok(())
        })
    }),
    Case::steps("discovery that a client has already is answered with 304", |s| {
        Box::pin(async move {
            for path in ["/apis", "/api"] {
                not_modified(s, get(path).header("accept", AGGREGATED)).await?;
            }
            Ok(())
        })
    }),
    Case::calls("a group, version or kind that does not exist is not found", || {
        vec![
            get("/apis/unknown.example.com"),
            get("/apis/unknown.example.com/v1"),
            get("/apis/$shared/v9"),
            get("/apis/$shared/v1/gadgets"),
            get("/api/v2"),
            get("/api/v1/gadgets"),
            get("/nothing"),
        ]
    }),
    Case::steps("the version says what clients look for", |s| {
        Box::pin(async move {
            let version = s.ask(&get("/version")).await?.body;
            for key in ["major", "minor", "gitVersion", "platform"] {
                let text = version[key].as_str().with_context(|| format!("no {key}: {version}"))?;
                s.note(&format!("/version: {key}"), &json!({ "present": !text.is_empty() }));
            }
            s.note("/version", &json!({ "major": version["major"], "minor": version["minor"] }));
            Ok(())
        })
    }),
    Case::steps("OpenAPI v3 lists each group version with a hash", |s| {
        Box::pin(async move {
            let index = s.ask(&get("/openapi/v3")).await?.body;
            for path in [
                "api/v1",
                "apis/$shared/v1",
                "apis/rbac.authorization.k8s.io/v1",
                "apis/apiextensions.k8s.io/v1",
            ] {
                let url =
                    index["paths"][s.fill(path)]["serverRelativeURL"].as_str().unwrap_or_default();
                let (place, query) = url.split_once("?hash=").unwrap_or((url, ""));
                let came = json!({ "url": place, "hash": !query.is_empty() });
                s.note(&format!("{path} in /openapi/v3"), &came);
            }
            Ok(())
        })
    }),
    Case::steps("OpenAPI v3 of a custom group has the kind's schema", |s| {
        Box::pin(async move {
            let document = s.ask(&get("/openapi/v3/apis/$shared/v1")).await?.body;
            let schemas = document["components"]["schemas"].as_object().context("no schemas")?;
            let found = schemas
                .iter()
                .find(|(name, _)| name.ends_with(".v1.Widget"))
                .context("no Widget")?;
            let mut schema = found.1.clone();
            s.note(
                "kind",
                &json!({ "openapi": document["openapi"], "kinds": schema["x-kubernetes-group-version-kind"] }),
            );
            // What they are told to mean is each server's own text.
            for common in ["apiVersion", "kind", "metadata"] {
                schema["properties"][common] = Value::Null;
            }
            s.note("schema", &schema["properties"]);
            Ok(())
        })
    }),
    Case::steps("OpenAPI v3 says which paths and patch types there are", |s| {
        Box::pin(async move {
            let document = s.ask(&get("/openapi/v3/apis/$shared/v1")).await?.body;
            let paths = document["paths"].as_object().context("no paths")?;
            for (path, item) in paths.iter().filter(|(path, _)| path.contains("widgets")) {
                let methods: Vec<_> = item
                    .as_object()
                    .into_iter()
                    .flat_map(|item| item.keys())
                    .filter(|key| *key != "parameters")
                    .collect();
                let patches: Vec<_> = item["patch"]["requestBody"]["content"]
                    .as_object()
                    .into_iter()
                    .flat_map(|types| types.keys())
                    .collect();
                s.note(path, &json!({ "methods": methods, "patches": patches }));
            }
            Ok(())
        })
    }),
    Case::steps("an OpenAPI document that a client has already is answered with 304", |s| {
        Box::pin(async move { not_modified(s, get("/openapi/v3/apis/$shared/v1")).await })
    }),
];

async fn not_modified(s: &mut Session, call: Call) -> Result<()> {
    // Another case's CRD may come between the two questions.
    for _ in 0..20 {
        let first = s.ask(&call).await?;
        let tag = first.headers.get("etag").context("no ETag")?.to_str()?.to_owned();
        let again = s.ask(&call.clone().header("if-none-match", tag)).await?;
        if again.status == 304 {
            s.note(&format!("{} again", call.path), &json!({ "status": 304, "body": again.body }));
            return Ok(());
        }
    }
    s.note(&format!("{} again", call.path), &json!({ "status": "never 304" }));
    Ok(())
}

fn element(list: &Value, pointer: &str, name: &str) -> Value {
    let same = |item: &&Value| item.pointer(pointer).and_then(Value::as_str) == Some(name);
    list.as_array().into_iter().flatten().find(same).cloned().unwrap_or_default()
}

fn content_type(headers: &http::HeaderMap) -> String {
    headers
        .get("content-type")
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}
