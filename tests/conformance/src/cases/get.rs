//! Getting one object, in each form.

use super::objects::{config_map, object, secret, widget};
use crate::call::{get, post, wordless};
use crate::case::{Case, Difference};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str =
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

pub(super) const CASES: &[Case] = &[
    Case::calls("an object that does not exist is not found, with its kind and name", || {
        vec![
            get("$configmaps/none"),
            get("$widgets/none"),
            get("$namespaces/none-$id"),
            get("$crds/none.example.com"),
            get("$leases/none"),
            get("$roles/none"),
            get("$rbac/clusterroles/none-$id"),
        ]
    }),
    Case::calls("an object in a namespace that does not exist is not found", || {
        vec![
            get("/api/v1/namespaces/none-$id/configmaps/a"),
            get("/apis/$shared/v1/namespaces/none-$id/widgets/a"),
        ]
    }),
    Case::calls("a subresource that a kind has not is not found", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            post("$widgets", widget("a", "")).quiet(),
            get("$configmaps/a/status"),
            get("$widgets/a/log"),
            get("$widgets/a/status/more"),
        ]
    })
    .differs(Difference {
        why: "What follows a subresource in a path is not ignored.",
        answers: &[
            (3, "/body", r#""404 page not found\n""#),
            (3, "/headers/content-type", r#""text/plain; charset=utf-8""#),
            (3, "/status", "404"),
        ],
    }),
    Case::calls("resourceVersion 0 and that of the object are fresh enough", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}"))
                .save("rv", "/metadata/resourceVersion"),
            get("$configmaps/a?resourceVersion=$rv"),
            get("$configmaps/a?resourceVersion=0").until(200),
        ]
    }),
    Case::calls("a resourceVersion of the future times out", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            get("$configmaps/a?resourceVersion=999999999999"),
        ]
    }),
    Case::calls("a resourceVersion that is no number is refused", || {
        wordless(vec![
            post("$configmaps", config_map("a", "")).quiet(),
            get("$configmaps/a?resourceVersion=x"),
            get("$configmaps?resourceVersion=x"),
        ])
    }),
    Case::calls("a built-in object is answered as a table", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v, l: w}")).quiet(),
            get("$configmaps/a").header("accept", TABLE),
            post("$secrets", secret("a", "stringData: {k: v}")).quiet(),
            get("$secrets/a").header("accept", TABLE),
        ]
    }),
    Case::calls("each built-in kind has its own columns", || {
        vec![
            get("$namespaces/$ns").header("accept", TABLE),
            post("$serviceaccounts", object("v1, kind: ServiceAccount", "a", "")).quiet(),
            get("$serviceaccounts/a").header("accept", TABLE),
            post(
                "$leases",
                object("coordination.k8s.io/v1, kind: Lease", "a", "spec: {holderIdentity: me}"),
            )
            .quiet(),
            get("$leases/a").header("accept", TABLE),
            post("$roles", object("rbac.authorization.k8s.io/v1, kind: Role", "a", "rules: []"))
                .quiet(),
            get("$roles/a").header("accept", TABLE),
            get("$crds/widgets.$shared")
                .header("accept", TABLE)
                .only(&["/kind", "/columnDefinitions"]),
        ]
    }),
    Case::calls("a custom object is answered as a table with its printer columns", || {
        vec![
            post("$widgets", widget("a", "spec: {color: blue, size: 3}")).quiet(),
            get("$widgets/a").header("accept", TABLE),
            get("$widgets").header("accept", TABLE),
            get("$widgets").header("accept", "application/json;as=Table;v=v1beta1;g=meta.k8s.io"),
        ]
    }),
    Case::calls("a table has whole objects, or none, where that is asked for", || {
        vec![
            post("$widgets", widget("a", "spec: {color: blue}")).quiet(),
            get("$widgets/a?includeObject=Object").header("accept", TABLE),
            get("$widgets?includeObject=None").header("accept", TABLE),
            get("$widgets?includeObject=Some").header("accept", TABLE),
        ]
    }),
    Case::calls("only the metadata of an object is answered", || {
        vec![
            post("$configmaps", config_map("a, labels: {l: m}", "data: {k: v}")).quiet(),
            get("$configmaps/a").header("accept", PARTIAL),
            post("$widgets", widget("a", "")).quiet(),
            get("$widgets/a").header("accept", PARTIAL),
        ]
    }),
    Case::calls("only the metadata of a list is answered", || {
        vec![
            post("$configmaps", config_map("a, labels: {l: m}", "data: {k: v}")).quiet(),
            get("$configmaps").header("accept", PARTIAL_LIST),
            get("$widgets").header("accept", PARTIAL_LIST),
        ]
    }),
    Case::calls("a form that does not fit is not acceptable", || {
        wordless(vec![
            post("$configmaps", config_map("a", "")).quiet(),
            get("$configmaps/a").header("accept", "application/json;as=Chair;v=v1;g=meta.k8s.io"),
            get("$configmaps/a").header("accept", PARTIAL_LIST),
        ])
    }),
    Case::calls("anything acceptable is answered with JSON", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            get("$configmaps/a").header("accept", "*/*").only(&["/kind"]),
            get("$configmaps/a").header("accept", "application/*").only(&["/kind"]),
            get("$configmaps/a")
                .header("accept", "text/html, application/json;q=0.5")
                .only(&["/kind"]),
        ]
    }),
    Case::steps("an object is answered as YAML", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "data: {k: v}")).quiet()).await?;
            let answer = s.ask(&get("$configmaps/a").header("accept", "application/yaml")).await?;
            let object: serde_json::Value =
                serde_saphyr::from_str(answer.body.as_str().unwrap_or_default())?;
            s.note(
                "the object as YAML",
                &serde_json::json!({ "status": answer.status, "body": object }),
            );
            Ok(())
        })
    }),
];
