use super::*;

fn everything() -> Vec<Value> {
    let mut objects: Vec<Value> =
        crds().iter().map(|crd| serde_json::to_value(crd).unwrap()).collect();
    objects.extend(policies(&hub_user("meshroot-system")));
    objects.extend(mutating_policies(&hub_user("meshroot-system"), "v1"));
    objects.extend(hub_rbac("meshroot-system", &["meshes".to_owned()]));
    objects.extend(hub_deployment("meshroot-system", "meshroot:1"));
    objects.extend(agent_hub_objects("east"));
    objects.extend(agent_cluster_objects("east", "meshroot:1", Reach::default()));
    objects.extend(user_roles());
    objects.push(
        AgentCredentials { cluster: "east", server: "https://hub", ca_pem: "PEM", token: "T" }
            .secret(),
    );
    objects
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn namespaces(objects: &[&Value]) -> Vec<String> {
    objects
        .iter()
        .filter_map(|object| object["metadata"]["namespace"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn every_object_says_what_it_is_and_who_manages_it() {
    for object in everything() {
        assert!(object["apiVersion"].is_string() && object["kind"].is_string(), "{object}");
        assert!(object["metadata"]["name"].is_string(), "{object}");
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels[MANAGED_BY_LABEL], MANAGED_BY, "{object}");
        assert_eq!(labels[PART_OF_LABEL], MANAGED_BY, "{object}");
    }
}

#[test]
fn what_is_written_as_yaml_is_read_back_unchanged_and_in_order() {
    let objects = everything();
    let yaml = to_yaml(&objects).unwrap();
    let again: Vec<Value> = serde_saphyr::from_multiple(&yaml).unwrap();
    assert_eq!(again, objects);
    assert_eq!(to_yaml(&again).unwrap(), yaml);
}

#[test]
fn a_document_begins_with_what_it_is() {
    let yaml = to_yaml(&[namespace("b"), namespace("a")]).unwrap();
    let documents: Vec<_> = yaml.split("---\n").collect();
    let expected = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    app.kubernetes.io/managed-by: meshroot\n    app.kubernetes.io/part-of: meshroot\n  name: {name}\n"
        )
    };
    assert_eq!(documents, [expected("b"), expected("a")]);
}

#[test]
fn no_schema_takes_null_or_an_integer_format_that_kubernetes_does_not_know() {
    let definitions = serde_json::to_string(&crds()).unwrap();
    assert!(!definitions.contains("\"nullable\""));
    assert!(!definitions.contains("\"uint"));
}

/// The API server judges every write by a rule at the root, also one that changes nothing: a rule on the state there
/// would keep an object that is older than the rule from being reported on and from being deleted.
#[test]
fn every_rule_at_the_root_of_a_kind_looks_at_a_change() {
    let mut looked_at = 0;
    for definition in crds() {
        let definition = serde_json::to_value(definition).unwrap();
        let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for rule in root["x-kubernetes-validations"].as_array().into_iter().flatten() {
            assert!(rule["rule"].as_str().unwrap().contains("oldSelf"), "{rule}");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 8, "{looked_at}");
}

#[test]
fn every_kind_shows_its_age_and_keeps_sentences_for_wide_screens() {
    for definition in crds() {
        let kind = definition.spec.names.kind;
        let version = definition.spec.versions.into_iter().next().unwrap();
        let columns = version.additional_printer_columns.unwrap();
        let narrow: Vec<_> =
            columns.iter().filter(|column| column.priority.unwrap_or_default() == 0).collect();
        assert_eq!(narrow.last().unwrap().name, "Age", "{kind}");
        // `type: date` shows every time that is still to come as <invalid>.
        let dates = columns.iter().filter(|column| column.type_ == "date");
        assert_eq!(dates.count(), 1, "{kind}");
        for column in narrow {
            assert!(!["Message", "Waiting For"].contains(&column.name.as_str()), "{kind}");
        }
    }
}

#[test]
fn words_of_our_own_kinds_are_spelled_as_kubernetes_spells_them_and_taken_as_they_were() {
    let ours = crds().into_iter().filter(|definition| definition.spec.group == "meshroot.dev");
    let text = serde_json::to_string(&ours.collect::<Vec<_>>()).unwrap();
    for both in [
        r#""enum":["Automatic","ThirdParty","AUTOMATIC","THIRD_PARTY"]"#,
        r#""enum":["Approved","Denied","Revoked","APPROVED","DENIED","REVOKED"]"#,
        r#""RestartNeeded","UNKNOWN""#,
        r#""ECDSA-P384","Ed25519"]"#,
    ] {
        assert!(text.contains(both), "{both}");
    }
    // The deprecated fraction.
    assert_eq!(text.matches(r#""type":"number""#).count(), 1);
}

#[test]
fn conditions_are_merged_by_their_type() {
    let definitions = serde_json::to_value(crds()).unwrap();
    let kinds = definitions.as_array().unwrap().iter().filter_map(|definition| {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let conditions = &schema["properties"]["status"]["properties"]["conditions"];
        conditions.is_object().then_some(conditions)
    });
    let keys: Vec<_> = kinds.map(|conditions| &conditions["x-kubernetes-list-map-keys"]).collect();
    assert_eq!(keys, [&json!(["type"]); 3]);
}

#[test]
fn the_policies_name_the_hub_that_they_were_made_for() {
    let text = to_yaml(&policies(&hub_user("elsewhere"))).unwrap();
    assert!(text.contains("'system:serviceaccount:elsewhere:meshroot-hub'"));
    assert!(!text.contains("meshroot-system"));
}

#[test]
fn a_policy_that_cannot_be_evaluated_refuses() {
    let policies = policies(&hub_user("meshroot-system"));
    for policy in of_kind(&policies, "ValidatingAdmissionPolicy") {
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{}", policy["metadata"]["name"]);
        let bound = of_kind(&policies, "ValidatingAdmissionPolicyBinding")
            .iter()
            .any(|binding| binding["spec"]["policyName"] == policy["metadata"]["name"]);
        assert!(bound, "{} is bound", policy["metadata"]["name"]);
    }
}

/// Also where the hub's own cluster is a member.
#[test]
fn no_two_accounts_read_secrets_of_one_namespace_or_each_others() {
    let objects = everything();
    let mut readers: std::collections::BTreeMap<String, std::collections::BTreeSet<String>> =
        std::collections::BTreeMap::new();
    for binding in of_kind(&objects, "RoleBinding") {
        let place = |object: &Value| {
            let of =
                |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            (of("namespace"), of("name"))
        };
        let role = of_kind(&objects, "Role").into_iter().find(|role| place(role) == place(binding));
        let reads = |rule: &Value| {
            let verbs = rule["verbs"].to_string();
            rule["resources"].to_string().contains("\"secrets\"")
                && ["get", "list", "watch"].iter().any(|verb| verbs.contains(verb))
                // What a mesh reads its CA from is the agent's alone, by name.
                && rule["resourceNames"].is_null()
        };
        if role.unwrap()["rules"].as_array().unwrap().iter().any(reads) {
            let subject = &binding["subjects"][0];
            let account = format!("{}/{}", subject["namespace"], subject["name"]);
            readers.entry(place(binding).0).or_default().insert(account);
        }
    }
    assert!(readers.len() >= 3, "{readers:?}");
    assert!(readers.values().all(|accounts| accounts.len() == 1), "{readers:?}");
}

#[test]
fn secrets_are_no_part_of_any_cluster_role() {
    for role in of_kind(&everything(), "ClusterRole") {
        assert!(!role["rules"].to_string().contains("secrets"), "{}", role["metadata"]["name"]);
    }
}

#[test]
fn the_hub_gets_its_own_namespace_once_however_often_it_is_named() {
    let named = ["meshroot-system".to_owned(), "meshes".to_owned()];
    let objects = hub_rbac("meshroot-system", &named);
    let roots: Vec<_> = of_kind(&objects, "Role")
        .into_iter()
        .filter(|role| role["metadata"]["name"] == "meshroot-hub-roots")
        .collect();
    assert_eq!(namespaces(&roots), named);
}

#[test]
fn an_agent_without_named_mesh_namespaces_gets_that_of_istio() {
    let roles = |namespaces_of_meshes: &[String]| {
        let objects = agent_rbac(Reach { mesh_namespaces: namespaces_of_meshes, restart: &[] });
        namespaces(&of_kind(&objects, "Role"))
    };
    assert_eq!(roles(&[]), ["meshroot-agent", "istio-system"]);
    let named = ["istio-a".to_owned(), "istio-b".to_owned()];
    assert_eq!(roles(&named), ["meshroot-agent", "istio-a", "istio-b"]);
}

#[test]
fn the_programs_are_told_what_they_need() {
    let arguments = |deployment: &Value| {
        deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone()
    };
    let hub = &hub_deployment("meshroot-system", "meshroot:1")[0];
    let shared = |namespace: &'static str| {
        ["--namespace", namespace, "--listen", "0.0.0.0:8080", "--log-format", "json"]
    };
    assert_eq!(arguments(hub), json!(shared("meshroot-system")));
    let agent = agent_deployment("east", "meshroot:1", &["istiod".to_owned()]);
    assert_eq!(
        arguments(&agent),
        json!(
            [&["--cluster", "east", "--restart", "istiod"], &shared("meshroot-agent")[..]].concat()
        )
    );
}
