//! `kubectl`, as people type it.

use serde_json::json;

use super::objects::{config_map, widget};
use crate::call::{delete, get, merge_patch, post};
use crate::case::Case;

const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    app: x\ndata:\n  k: v\n";
const MAP_LATER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  l: w\n";
const WIDGET: &str =
    "apiVersion: $shared/v1\nkind: Widget\nmetadata:\n  name: a\nspec:\n  color: blue\n  size: 3\n";

pub(super) const CASES: &[Case] = &[
    Case::steps("apply creates, leaves unchanged, and configures", |s| {
        Box::pin(async move {
            s.kubectl("apply -f -", MAP).await?;
            s.kubectl("apply -f -", MAP).await?;
            s.kubectl("apply -f -", MAP_LATER).await?;
            s.call(get("$configmaps/a")).await.map(drop)
        })
    }),
    Case::steps("apply prunes what a custom resource's file has no more", |s| {
        Box::pin(async move {
            s.kubectl("apply -f -", WIDGET).await?;
            s.kubectl("apply -f -", &WIDGET.replace("  size: 3\n", "")).await?;
            s.call(get("$widgets/a")).await.map(drop)
        })
    }),
    Case::steps("apply of several objects at once", |s| {
        Box::pin(async move {
            s.kubectl(
                "apply -f -",
                &format!(
                    "{MAP}---\n{WIDGET}---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  k: v\n"
                ),
            )
            .await?;
            s.kubectl("get configmap/a widget/a secret/s -o name", "").await.map(drop)
        })
    }),
    Case::steps("apply on the server's side says who is in the way", |s| {
        Box::pin(async move {
            s.kubectl("apply --server-side -f -", WIDGET).await?;
            s.kubectl(
                "apply --server-side --field-manager other -f -",
                &WIDGET.replace("blue", "green"),
            )
            .await?;
            s.kubectl(
                "apply --server-side --field-manager other --force-conflicts -f -",
                &WIDGET.replace("blue", "green"),
            )
            .await?;
            s.call(get("$widgets/a")).await.map(drop)
        })
    }),
    Case::steps("apply moves from the client's side to the server's", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", MAP).await?;
            s.kubectl("apply --server-side -f -", MAP_LATER).await?;
            s.call(get("$configmaps/a")).await.map(drop)
        })
    }),
    Case::steps("apply refuses what the schema does not know", |s| {
        Box::pin(async move {
            s.kubectl("apply -f -", &WIDGET.replace("size", "sise")).await?;
            s.kubectl("apply -f -", &WIDGET.replace("blue", "pink")).await?;
            s.kubectl("apply --validate=warn -f -", &WIDGET.replace("size", "sise")).await?;
            s.kubectl(
                "apply -f -",
                "apiVersion: none.example.com/v1\nkind: Nothing\nmetadata:\n  name: a\n",
            )
            .await
            .map(drop)
        })
    }),
    Case::steps("apply as a dry run", |s| {
        Box::pin(async move {
            s.kubectl("apply --dry-run=server -f -", WIDGET).await?;
            s.kubectl("apply --dry-run=client -f -", WIDGET).await?;
            s.kubectl("get widgets", "").await.map(drop)
        })
    }),
    Case::steps("diff says whether there is one", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            for file in [WIDGET.to_owned(), WIDGET.replace("blue", "green")] {
                let output = s.run_kubectl("diff -f -", &file).await?;
                let changed: Vec<_> = output
                    .stdout
                    .lines()
                    .filter(|line| {
                        line.starts_with(['+', '-'])
                            && !line.starts_with("+++")
                            && !line.starts_with("---")
                    })
                    .collect();
                s.note("kubectl diff -f -", &json!({ "exit": output.exit, "changed": changed }));
            }
            Ok(())
        })
    }),
    Case::steps("create, and create again", |s| {
        Box::pin(async move {
            s.kubectl("create configmap a --from-literal=k=v", "").await?;
            s.kubectl("create configmap a --from-literal=k=v", "").await?;
            s.kubectl("create secret generic s --from-literal=k=v", "").await?;
            s.kubectl("create namespace made-$id", "").await?;
            s.kubectl("create serviceaccount robot", "").await?;
            s.kubectl("create role reader --verb=get,list --resource=configmaps", "").await?;
            s.kubectl("create rolebinding reader --role=reader --serviceaccount=$ns:robot", "")
                .await?;
            s.kubectl("get role,rolebinding", "").await.map(drop)
        })
    }),
    Case::steps("get prints the columns of a kind", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", &format!("{MAP}---\n{WIDGET}")).await?;
            for line in [
                "get widgets",
                "get widgets -o wide",
                "get wd a",
                "get widget.$shared/a --no-headers",
                "get configmaps",
                "get cm a --show-labels",
                "get cm -L app",
                "get machines",
                "get secrets",
                "get namespace $ns",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("get prints objects in each form", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", &format!("{MAP}---\n{WIDGET}")).await?;
            for line in [
                "get widget a -o yaml",
                "get widget a -o json",
                "get widget a -o jsonpath={.spec.color}",
                "get widgets -o name",
                "get widgets -o custom-columns=N:.metadata.name,C:.spec.color",
                "get widget a -o go-template={{.spec.size}}",
                "get widget a --show-managed-fields -o yaml",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("get selects, sorts and pages", |s| {
        Box::pin(async move {
            for (name, color, size) in [("a", "blue", 3), ("b", "red", 1), ("c", "blue", 2)] {
                s.call(
                    post(
                        "$widgets",
                        widget(
                            &format!("{name}, labels: {{l: {color}}}"),
                            &format!("spec: {{color: {color}, size: {size}}}"),
                        ),
                    )
                    .quiet(),
                )
                .await?;
            }
            for line in [
                "get widgets -l l=blue",
                "get widgets --field-selector spec.color=red",
                "get widgets --sort-by=.spec.size",
                "get widgets --chunk-size=1",
                "get widgets -l none=x",
                "get widgets -l '=,='",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("get of what does not exist", |s| {
        Box::pin(async move {
            for line in [
                "get widget none",
                "get nothings",
                "get widget none --ignore-not-found",
                "get configmap --namespace none-$id",
                "get --raw /nothing",
                "get --raw /healthz",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("get --watch prints a change", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            let changes = vec![
                merge_patch("$widgets/a", "{spec: {size: 4}}"),
                merge_patch("$widgets/a", "{spec: {size: 5}}"),
            ];
            s.kubectl_watch(
                "get widget a --watch --no-headers -o custom-columns=S:.spec.size",
                changes,
            )
            .await
        })
    }),
    Case::steps("get --watch prints events as they come", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            let changes =
                vec![merge_patch("$widgets/a", "{spec: {color: green}}"), delete("$widgets/a")];
            s.kubectl_watch("get widgets --watch --output-watch-events --no-headers -o custom-columns=N:.metadata.name,C:.spec.color", changes).await
        })
    }),
    Case::steps("explain knows kinds, fields and enumerations", |s| {
        Box::pin(async move {
            let lines = [
                "widget.spec",
                "widget.spec.color",
                "widget.spec.parts --recursive",
                "widget.spec.none",
            ];
            for line in lines {
                s.kubectl(&format!("explain {line}"), "").await?;
            }
            // What the built-in kinds and fields are told to mean is each server's own text.
            for line in ["widget", "configmap.data", "secret.type", "configmap.none"] {
                let output = s.run_kubectl(&format!("explain {line}"), "").await?;
                let head: Vec<_> =
                    output.stdout.lines().take_while(|line| *line != "DESCRIPTION:").collect();
                let came = json!({ "exit": output.exit, "head": head, "stderr": output.stderr });
                s.note(&format!("kubectl explain {line}"), &came);
            }
            Ok(())
        })
    }),
    Case::steps("delete waits until the object is gone", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", &format!("{MAP}---\n{WIDGET}")).await?;
            s.kubectl("delete widget a --wait", "").await?;
            s.kubectl("delete widget a", "").await?;
            s.kubectl("delete widget a --ignore-not-found", "").await?;
            s.kubectl("delete -f -", MAP).await?;
            s.kubectl("delete configmaps --all", "").await.map(drop)
        })
    }),
    Case::steps("delete waits for a finalizer", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a, finalizers: [example.com/hold]", "")).quiet())
                .await?;
            s.kubectl("delete widget a --timeout=5s", "").await?;
            s.call(merge_patch("$widgets/a", "{metadata: {finalizers: null}}").quiet()).await?;
            s.kubectl("get widget a", "").await.map(drop)
        })
    }),
    Case::steps("patch in each form", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", &format!("{MAP}---\n{WIDGET}")).await?;
            s.kubectl("patch widget a --type merge -p '{\"spec\":{\"size\":4}}'", "").await?;
            s.kubectl("patch widget a --type merge -p '{\"spec\":{\"size\":4}}'", "").await?;
            s.kubectl("patch widget a --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/size\",\"value\":5}]'", "")
                .await?;
            s.kubectl("patch configmap a -p '{\"data\":{\"m\":\"x\"}}'", "").await?;
            s.kubectl("patch widget a --type merge -p '{\"spec\":{\"size\":99}}'", "").await?;
            s.kubectl("patch widget a --subresource status --type merge -p '{\"status\":{\"phase\":\"Ready\"}}'", "")
                .await?;
            s.kubectl("patch widget a -p '{\"spec\":{\"size\":4}}'", "").await?;
            s.kubectl("get widget a -o yaml", "").await.map(drop)
        })
    }),
    Case::steps("label and annotate", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", MAP).await?;
            for line in [
                "label configmap a tier=web",
                "label configmap a tier=db",
                "label configmap a tier=db --overwrite",
                "label configmap a tier-",
                "label configmap a 'x y=z'",
                "annotate configmap a note=hello",
                "annotate configmap a note-",
                "label configmap a --list",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("replace and replace --force", |s| {
        Box::pin(async move {
            s.kubectl("replace -f -", MAP).await?;
            s.kubectl_quiet("create -f -", MAP).await?;
            s.kubectl("replace -f -", MAP_LATER).await?;
            s.kubectl("replace --force -f -", MAP).await.map(drop)
        })
    }),
    Case::steps("scale a custom resource", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            s.kubectl("scale widget a --replicas=3", "").await?;
            s.kubectl("scale widget a --replicas=4 --current-replicas=2", "").await?;
            s.kubectl("get widget a -o jsonpath={.spec.replicas}", "").await.map(drop)
        })
    }),
    Case::steps("wait for a condition and for a deletion", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            s.kubectl("wait widget/a --for=condition=Ready --timeout=5s", "").await?;
            s.call(
                merge_patch(
                    "$widgets/a/status",
                    "{status: {phase: Up, conditions: [{type: Ready, status: 'True'}]}}",
                )
                .quiet(),
            )
            .await?;
            for line in [
                "wait widget/a --for=condition=Ready --timeout=10s",
                "wait widget/a --for=jsonpath={.status.phase}=Up --timeout=10s",
                "wait widget/none --for=delete --timeout=10s",
                "wait widget/a --for=create --timeout=10s",
                "wait widget/none --for=condition=Ready --timeout=5s",
                "wait crd/widgets.$shared --for=condition=Established --timeout=10s",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("create token makes one that works", |s| {
        Box::pin(async move {
            s.kubectl_quiet("create serviceaccount robot", "").await?;
            let output = s.run_kubectl("create token robot --duration=1h", "").await?;
            s.set("robot", output.stdout.trim());
            s.note(
                "kubectl create token robot",
                &json!({ "exit": output.exit, "parts": output.stdout.split('.').count() }),
            );
            let who = "{apiVersion: authentication.k8s.io/v1, kind: SelfSubjectReview}";
            s.call(
                post("$authentication/selfsubjectreviews", who)
                    .token("$robot")
                    .only(&["/status/userInfo/username"]),
            )
            .await?;
            s.kubectl("create token none", "").await.map(drop)
        })
    }),
    Case::steps("auth can-i and whoami", |s| {
        Box::pin(async move {
            s.kubectl_quiet("create serviceaccount robot", "").await?;
            for line in [
                "auth can-i '*' '*'",
                "auth can-i get configmaps --as system:serviceaccount:$ns:robot",
                "auth can-i get /healthz --as jane",
                "auth can-i get widgets.$shared/status --as jane --as-group system:masters",
                "auth can-i get nothings",
                "auth whoami -o jsonpath={.status.userInfo.groups}",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("refusals are told with their reason", |s| {
        Box::pin(async move {
            for line in [
                "get secrets --as jane",
                "delete configmap a --as jane",
                "get namespaces --as jane",
                "create configmap a --as jane",
            ] {
                s.kubectl(line, "").await?;
            }
            Ok(())
        })
    }),
    Case::steps("api-resources and api-versions know a custom kind", |s| {
        Box::pin(async move {
            s.kubectl("api-resources --api-group=$shared", "").await?;
            s.kubectl("api-resources --api-group=$shared -o wide", "").await?;
            s.kubectl("api-resources --api-group=rbac.authorization.k8s.io", "").await?;
            let output = s.run_kubectl("api-versions", "").await?;
            let wanted = [
                "v1",
                "$shared/v1",
                "rbac.authorization.k8s.io/v1",
                "apiextensions.k8s.io/v1",
                "coordination.k8s.io/v1",
            ];
            let found: Vec<_> = wanted
                .iter()
                .map(|name| output.stdout.lines().any(|line| line == s.fill(name)))
                .collect();
            s.note("kubectl api-versions", &json!(found));
            Ok(())
        })
    }),
    Case::steps("events are printed in their order", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).save("uid", "/metadata/uid").quiet())
                .await?;
            for (name, time) in [("two", "2026-01-01T00:00:02Z"), ("one", "2026-01-01T00:00:01Z")] {
                let body = format!(
                    "{{apiVersion: v1, kind: Event, metadata: {{name: {name}}}, involvedObject: {{kind: ConfigMap, apiVersion: v1, namespace: $ns, name: a, uid: $uid}}, reason: Made, message: {name}, type: Normal, firstTimestamp: '{time}', lastTimestamp: '{time}', source: {{component: tester}}}}"
                );
                s.call(post("$core_events", body).quiet()).await?;
            }
            s.kubectl("events -o name", "").await?;
            s.kubectl(
                "get events --sort-by=.lastTimestamp -o custom-columns=N:.metadata.name,R:.reason",
                "",
            )
            .await?;
            s.kubectl("get events --field-selector involvedObject.name=a,reason=Made -o name", "")
                .await
                .map(drop)
        })
    }),
    Case::steps("describe prints an object with its events", |s| {
        Box::pin(async move {
            s.kubectl_quiet("apply -f -", WIDGET).await?;
            s.kubectl("describe widget a", "").await?;
            s.kubectl("describe configmap none", "").await.map(drop)
        })
    }),
    Case::steps("a CRD is applied, used and deleted", |s| {
        Box::pin(async move {
            let schema = "{type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}";
            let crd = format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.$group\nspec:\n  group: $group\n  scope: Namespaced\n  names: {{plural: things, singular: thing, kind: Thing}}\n  versions:\n    - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}\n"
            );
            s.kubectl("apply -f -", &crd).await?;
            s.kubectl("wait crd/things.$group --for=condition=Established --timeout=20s", "")
                .await?;
            s.call(get("/openapi/v3/apis/$group/v1").until(200).quiet()).await?;
            s.kubectl(
                "apply -f -",
                "apiVersion: $group/v1\nkind: Thing\nmetadata:\n  name: a\nspec:\n  a: x\n",
            )
            .await?;
            s.kubectl("get things.$group", "").await?;
            s.kubectl("delete crd things.$group --timeout=20s", "").await?;
            s.call(get("/apis/$group/v1/things").until(404).quiet_any()).await?;
            s.kubectl_until("get things.$group", |output| output.exit == Some(1)).await
        })
    }),
    Case::steps("delete namespace names it", |s| {
        Box::pin(async move {
            s.kubectl_quiet("create namespace made-$id", "").await?;
            s.kubectl("delete namespace made-$id --wait=false", "").await.map(drop)
        })
    }),
];
