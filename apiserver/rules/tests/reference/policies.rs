//! Each policy is installed for ConfigMaps with a label of its own.

use apiserver_object::{Attributes, Authorizer, Decision, User};
use apiserver_rules::{Admission, Binding, Operation, Policy, admit};
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::policy_cases::{Case, all};
use crate::server::{client, must, send};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// The administrator may do everything; nobody else anything.
struct Administrator;

impl Authorizer for Administrator {
    fn authorize(&self, user: &User, _: &Attributes<'_>) -> Decision {
        Decision { allowed: user.name == "admin", ..Decision::default() }
    }
}

fn policy(case: &Case) -> Value {
    let mut spec = case.spec.clone();
    let fail = spec["failurePolicy"].as_str().unwrap_or("Fail").to_owned();
    spec["failurePolicy"] = Value::from(fail);
    spec["matchConstraints"] = json!({
        "resourceRules": [{ "apiGroups": [""], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"] }],
        "objectSelector": { "matchLabels": { "case": case.name } },
    });
    if let Some(list) = spec["validations"].as_array_mut() {
        list.insert(
            0,
            json!({ "expression": "object.metadata.name != 'canary'", "message": "canary" }),
        );
    }
    for condition in spec["matchConditions"].as_array_mut().into_iter().flatten() {
        let expression = condition["expression"].as_str().unwrap();
        condition["expression"] =
            Value::from(format!("object.metadata.name == 'canary' || ({expression})"));
    }
    json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": format!("case-{}", case.name) }, "spec": spec })
}

fn binding(case: &Case) -> Value {
    json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": format!("bound-{}", case.name) },
        "spec": { "policyName": format!("case-{}", case.name), "validationActions": ["Deny"] } })
}

fn map(case: &Case, name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "default", "labels": { "case": case.name } }, "data": data })
}

#[tokio::test]
async fn policies_say_what_they_say_on_a_real_server() {
    let client = client().await;
    let cases = all();
    let mut compiled = Vec::new();
    for case in &cases {
        let (policy, binding) = (policy(case), binding(case));
        compiled.push((Policy::compile(&policy).unwrap(), Binding::compile(&binding).unwrap()));
        install(&client, "validatingadmissionpolicies", &policy).await;
        install(&client, "validatingadmissionpolicybindings", &binding).await;
    }
    let namespace = must(&client, "GET", "/api/v1/namespaces/default", None).await;
    let mut differences = Vec::new();
    for (case, (policy, binding)) in cases.iter().zip(&compiled) {
        in_force(&client, case).await;
        for (data, new) in &case.requests {
            differences.extend(
                compare(&client, case, (policy, binding), &namespace, data, new.as_ref()).await,
            );
        }
    }
    for case in &cases {
        let name = format!("{GROUP}/validatingadmissionpolicybindings/bound-{}", case.name);
        send(&client, "DELETE", &name, None).await;
        send(
            &client,
            "DELETE",
            &format!("{GROUP}/validatingadmissionpolicies/case-{}", case.name),
            None,
        )
        .await;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn install(client: &kube::Client, resource: &str, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    send(client, "DELETE", &format!("{GROUP}/{resource}/{name}"), None).await;
    must(client, "POST", &format!("{GROUP}/{resource}"), Some(object)).await;
}

async fn in_force(client: &kube::Client, case: &Case) {
    let canary = map(case, "canary", &json!({ "a": "x" }));
    let refused = async || {
        let (status, _) = send(client, "POST", &format!("{MAPS}?dryRun=All"), Some(&canary)).await;
        anyhow::ensure!(status >= 400, "{status}");
        Ok(())
    };
    wait::until(&format!("{} is in force", case.name), wait::LIMIT, refused).await.unwrap();
}

async fn compare(
    client: &kube::Client,
    case: &Case,
    hook: (&Policy, &Binding),
    namespace: &Value,
    data: &Value,
    new: Option<&Value>,
) -> Option<String> {
    let name = format!("map-{}", case.name);
    let mut object = map(case, &name, data);
    let mut old = None;
    let (status, answer) = match new {
        None => send(client, "POST", &format!("{MAPS}?dryRun=All"), Some(&object)).await,
        Some(new) => {
            let unlabelled = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" }, "data": data });
            old = Some(must(client, "POST", MAPS, Some(&unlabelled)).await);
            object = map(case, &name, new);
            let answer =
                send(client, "PUT", &format!("{MAPS}/{name}?dryRun=All"), Some(&object)).await;
            must(client, "DELETE", &format!("{MAPS}/{name}"), None).await;
            answer
        }
    };
    let user = User {
        name: "admin".to_owned(),
        groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    };
    let request = Admission {
        operation: if new.is_some() { Operation::Update } else { Operation::Create },
        group: "",
        version: "v1",
        resource: "configmaps",
        subresource: "",
        kind: "ConfigMap",
        namespace: "default",
        name: &name,
        object: Some(&object),
        old_object: old.as_ref(),
        user: &user,
        dry_run: true,
        namespace_object: Some(namespace),
        options: None,
    };
    let verdict = admit([hook], &request, &Administrator);
    let own = verdict.denial.map(|denial| (denial.code, denial.reason, denial.message));
    let real = (status >= 400).then(|| {
        let message =
            answer["details"]["causes"][0]["message"].as_str().unwrap_or_default().to_owned();
        (status, answer["reason"].as_str().unwrap_or_default().to_owned(), message)
    });
    (own != real).then(|| {
        format!(
            "{} {data} {new:?}\n  real {real:?}\n  ours {own:?}\n  {}",
            case.name, answer["message"]
        )
    })
}
