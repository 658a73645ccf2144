//! Listing: selectors, pages, versions.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::{Value, json};

use super::objects::{config_map, object, secret, widget};
use crate::call::{Call, delete, get, post, wordless};
use crate::case::Case;
use crate::session::Session;

const NAMES: &[&str] = &[
    "/metadata/remainingItemCount",
    "/items/0/metadata/name",
    "/items/1/metadata/name",
    "/items/2/metadata/name",
    "/items/3/metadata/name",
    "/items/4/metadata/name",
];

fn labelled() -> Vec<Call> {
    [
        ("a", "{tier: web, env: prod}"),
        ("b", "{tier: web, env: test}"),
        ("c", "{tier: db}"),
        ("d", "{}"),
    ]
    .map(|(name, labels)| {
        post("$configmaps", config_map(&format!("{name}, labels: {labels}"), "")).quiet()
    })
    .to_vec()
}

fn selected(selectors: &[&str]) -> Vec<Call> {
    let list = |selector: &&str| get(format!("$configmaps?labelSelector={selector}")).only(NAMES);
    labelled().into_iter().chain(selectors.iter().map(list)).collect()
}

fn widgets(count: usize) -> Vec<Call> {
    (0..count).map(|number| post("$widgets", widget(&format!("w{number}"), "")).quiet()).collect()
}

pub(super) const CASES: &[Case] = &[
    Case::calls("an empty list is a list", || {
        vec![
            get("$configmaps"),
            get("$widgets"),
            get("$leases"),
            get("/api/v1/namespaces/none-$id/configmaps"),
        ]
    }),
    Case::calls("items of a list come in the order of their names, with kind and without", || {
        let create = |name: &&str| post("$configmaps", config_map(name, "")).quiet();
        let custom = |name: &&str| post("$widgets", widget(name, "")).quiet();
        let names = ["b", "a-b", "a", "a.b", "ab"];
        names
            .iter()
            .map(create)
            .chain(names.iter().map(custom))
            .chain([get("$configmaps"), get("$widgets")])
            .collect()
    }),
    Case::calls("labels select by equality", || {
        selected(&["tier=web", "tier==web", "tier!=web", "tier=web,env=prod", "tier=none", "env="])
    }),
    Case::calls("labels select by sets", || {
        selected(&[
            "tier in (web,db)",
            "tier notin (web)",
            "tier in (web),env notin (test)",
            "tier in ()",
        ])
    }),
    Case::calls("labels select by presence", || selected(&["env", "!env", "tier,!env"])),
    Case::calls("an invalid label selector is refused", || {
        wordless(
            ["a=b=c", "a in b", "=a", "a,,b", "a b"]
                .map(|selector| get(format!("$configmaps?labelSelector={selector}")))
                .to_vec(),
        )
    }),
    Case::calls("an invalid label selector for a custom kind is refused", || {
        wordless(
            ["a=b=c", "a in b"]
                .map(|selector| get(format!("$widgets?labelSelector={selector}")))
                .to_vec(),
        )
    }),
    Case::calls("every kind can be selected by name and namespace", || {
        let mut calls = labelled();
        calls.extend([
            post("$widgets", widget("a", "")).quiet(),
            post("$widgets", widget("b", "")).quiet(),
            get("$configmaps?fieldSelector=metadata.name=b").only(NAMES),
            get("$configmaps?fieldSelector=metadata.name!=b").only(NAMES),
            get("$configmaps?fieldSelector=metadata.namespace=$ns,metadata.name=c").only(NAMES),
            get("$widgets?fieldSelector=metadata.name=b").only(NAMES),
            get("/api/v1/configmaps?fieldSelector=metadata.namespace=$ns").only(NAMES),
            get("/apis/$shared/v1/widgets?fieldSelector=metadata.namespace=$ns").only(NAMES),
        ]);
        calls
    }),
    Case::calls("a field that cannot be selected is refused", || {
        vec![
            get("$configmaps?fieldSelector=data.k=v"),
            get("$widgets?fieldSelector=spec.size=1"),
            get("$secrets?fieldSelector=immutable=true"),
        ]
    }),
    Case::calls("an invalid field selector is refused", || {
        ["metadata.name", "metadata.name=a=b", "metadata.name in (a)"]
            .map(|selector| get(format!("$configmaps?fieldSelector={selector}")))
            .to_vec()
    }),
    Case::calls("secrets are selected by type", || {
        vec![
            post("$secrets", secret("a", "type: example.com/one")).quiet(),
            post("$secrets", secret("b", "")).quiet(),
            get("$secrets?fieldSelector=type=example.com/one").only(NAMES),
            get("$secrets?fieldSelector=type=Opaque").only(NAMES),
            get("$secrets?fieldSelector=type!=Opaque").only(NAMES),
        ]
    }),
    Case::calls("namespaces are selected by phase", || {
        vec![
            get("$namespaces?fieldSelector=status.phase=Active,metadata.name=$ns").only(NAMES),
            get("$namespaces?fieldSelector=status.phase=Terminating,metadata.name=$ns").only(NAMES),
        ]
    }),
    Case::calls("events are selected by what they are about", || {
        let event = |name: &str, about: &str, reason: &str| {
            object(
                "v1, kind: Event",
                name,
                &format!(
                    "involvedObject: {{kind: ConfigMap, apiVersion: v1, namespace: $ns, name: {about}}}, reason: {reason}, type: Normal"
                ),
            )
        };
        vec![
            post("$core_events", event("one", "a", "Made")).quiet(),
            post("$core_events", event("two", "b", "Gone")).quiet(),
            get("$core_events?fieldSelector=involvedObject.name=a").only(NAMES),
            get("$core_events?fieldSelector=involvedObject.kind=ConfigMap,reason=Gone").only(NAMES),
            get("$core_events?fieldSelector=type=Warning").only(NAMES),
            get("$core_events?fieldSelector=involvedObject.namespace=$ns,involvedObject.uid=")
                .only(NAMES),
        ]
    }),
    Case::calls("custom objects are selected by the fields their kind declares", || {
        vec![
            post("$widgets", widget("a", "spec: {color: blue}")).quiet(),
            post("$widgets", widget("b", "spec: {}")).quiet(),
            post("$widgets", widget("c", "")).quiet(),
            get("$widgets?fieldSelector=spec.color=blue").only(NAMES),
            get("$widgets?fieldSelector=spec.color=red").only(NAMES),
            get("$widgets?fieldSelector=spec.color!=blue").only(NAMES),
        ]
    }),
    Case::steps("a list comes in pages", |s| {
        Box::pin(async move {
            s.calls(widgets(5)).await?;
            pages(s, "$widgets?limit=2").await?;
            pages(s, "$widgets?limit=5").await
        })
    }),
    Case::steps("pages go together with selectors", |s| {
        Box::pin(async move {
            for number in 0..6 {
                let labels = format!("w{number}, labels: {{odd: '{}'}}", number % 2);
                s.call(post("$widgets", widget(&labels, "")).quiet()).await?;
            }
            pages(s, "$widgets?limit=2&labelSelector=odd=1").await
        })
    }),
    Case::steps("pages show the moment of the first while others write", |s| {
        Box::pin(async move {
            s.calls(widgets(4)).await?;
            let first = s
                .call(get("$widgets?limit=2").only(NAMES).save("next", "/metadata/continue"))
                .await?;
            s.call(post("$widgets", widget("w11", "")).quiet()).await?;
            s.call(delete("$widgets/w3").quiet()).await?;
            let second = s.call(get("$widgets?limit=2&continue=$next").only(NAMES)).await?;
            let same = first.body["metadata"]["resourceVersion"]
                == second.body["metadata"]["resourceVersion"];
            s.note("both pages", &json!({ "of one version": same }));
            s.call(get("$widgets").only(NAMES)).await.map(drop)
        })
    }),
    Case::steps("pages go across namespaces", |s| {
        Box::pin(async move {
            for namespace in ["one-$id", "two-$id"] {
                s.call(post("$namespaces", object("v1, kind: Namespace", namespace, "")).quiet())
                    .await?;
                for name in ["a", "b"] {
                    let body = config_map(&format!("{name}, labels: {{case: $id}}"), "");
                    s.call(
                        post(format!("/api/v1/namespaces/{namespace}/configmaps"), body).quiet(),
                    )
                    .await?;
                }
            }
            pages(s, "/api/v1/configmaps?labelSelector=case=$id&limit=3").await
        })
    }),
    Case::calls("a continue token that is not the server's is refused", || {
        wordless(vec![
            get("$widgets?limit=2&continue=x"),
            get("$configmaps?limit=2&continue=bm90aGluZw"),
        ])
    }),
    Case::steps("a continue token goes with no resourceVersion", |s| {
        Box::pin(async move {
            s.calls(widgets(3)).await?;
            s.call(get("$widgets?limit=1").save("next", "/metadata/continue").quiet()).await?;
            s.call(get("$widgets?limit=1&continue=$next&resourceVersion=1")).await?;
            s.call(get(
                "$widgets?limit=1&continue=$next&resourceVersionMatch=Exact&resourceVersion=1",
            ))
            .await
            .map(drop)
        })
    }),
    Case::steps("a negative limit is refused or ignored alike", |s| {
        Box::pin(async move {
            s.calls(widgets(2)).await?;
            s.call(get("$widgets?limit=-1").only(NAMES)).await?;
            s.call(get("$widgets?limit=x").only(&["/reason", "/code"])).await.map(drop)
        })
    }),
    Case::calls("resourceVersionMatch needs a resourceVersion and a known rule", || {
        vec![
            get("$configmaps?resourceVersionMatch=Exact"),
            get("$configmaps?resourceVersionMatch=NotOlderThan"),
            get("$configmaps?resourceVersionMatch=Newer&resourceVersion=1"),
            get("$configmaps?resourceVersionMatch=Exact&resourceVersion=0"),
            get("$configmaps?resourceVersionMatch=NotOlderThan&resourceVersion=0").only(&["/kind"]),
        ]
    }),
    Case::calls("a list at an exact version shows that moment", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            post("$widgets", widget("b", "")).save("rv", "/metadata/resourceVersion").quiet(),
            post("$widgets", widget("c", "")).quiet(),
            delete("$widgets/a").quiet(),
            get("$widgets?resourceVersion=$rv&resourceVersionMatch=Exact").only(NAMES),
            get("$widgets?resourceVersion=$rv&resourceVersionMatch=NotOlderThan").only(NAMES),
            get("$widgets?resourceVersion=$rv").only(NAMES),
            get("$widgets?resourceVersion=$rv&limit=1&resourceVersionMatch=Exact").only(NAMES),
        ]
    }),
    Case::calls("a list of the future times out", || {
        vec![
            get("$widgets?resourceVersion=999999999999"),
            get("$configmaps?resourceVersion=999999999999&resourceVersionMatch=NotOlderThan"),
        ]
    }),
    Case::calls("a list across namespaces has each object's namespace", || {
        vec![
            post("$widgets", widget("a, labels: {case: $id}", "")).quiet(),
            get("/apis/$shared/v1/widgets?labelSelector=case=$id"),
        ]
    }),
    Case::steps("the version of a list lets a watch go on from there", |s| {
        Box::pin(async move {
            let list = s.call(get("$configmaps").save("rv", "/metadata/resourceVersion")).await?;
            let number: u64 =
                list.body["metadata"]["resourceVersion"].as_str().unwrap_or_default().parse()?;
            let created = s.call(post("$configmaps", config_map("a", ""))).await?.body;
            let newer: u64 =
                created["metadata"]["resourceVersion"].as_str().unwrap_or_default().parse()?;
            s.note("versions", &json!({ "grow": newer > number }));
            let mut watch = s.watch("$configmaps?watch=1&resourceVersion=$rv").await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a continue token tells where a list goes on, not what to read", |s| {
        Box::pin(async move {
            s.calls(widgets(2)).await?;
            let token = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .encode(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../../"}"#);
            s.set("next", &token);
            s.call(get("$widgets?limit=1&continue=$next").wordless()).await.map(drop)
        })
    }),
];

/// Follows a list to its end; records the names on each page.
async fn pages(s: &mut Session, path: &str) -> Result<()> {
    let mut next = String::new();
    for number in 1..20 {
        let query = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        let page = s.ask(&get(format!("{path}{query}"))).await?;
        let names: Vec<_> = page.body["items"]
            .as_array()
            .context("no items")?
            .iter()
            .map(|item| &item["metadata"]["name"])
            .collect();
        let came = json!({ "status": page.status, "names": names, "remaining": page.body["metadata"]["remainingItemCount"] });
        s.note(&format!("page {number} of {path}"), &came);
        match page.body["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => token.clone_into(&mut next),
            _ => return Ok(()),
        }
    }
    s.note("pages", &Value::from("no end"));
    Ok(())
}
