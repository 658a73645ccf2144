use anyhow::Result;
use apiserver_kinds::{core_from_events_v1, default_builtin, events_v1_from_core};
use serde_json::{Map, Value};

use crate::samples;
use crate::server::{Server, kind_of};

/// What the server alone can know, and what needs something that runs: addresses, node pressure, pod admission.
fn comparable(mut object: Value) -> Value {
    let remove = |object: &mut Value, path: &[&str], names: &[&str]| {
        let found = path.iter().try_fold(&mut *object, |value, field| value.get_mut(field));
        if let Some(Value::Object(fields)) = found {
            fields.retain(|field, _| !names.contains(&field.as_str()));
        }
    };
    let known = ["uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"];
    remove(&mut object, &["metadata"], &known);
    match object["kind"].as_str().unwrap() {
        "Pod" => {
            remove(&mut object, &["spec"], &["tolerations", "priority", "preemptionPolicy"]);
            remove(&mut object, &["status"], &["qosClass"]);
        }
        "Node" => remove(&mut object, &["spec"], &["taints"]),
        _ => {}
    }
    if object["kind"] == "Node" {
        object.as_object_mut().unwrap().remove("status");
        object
            .as_object_mut()
            .unwrap()
            .retain(|field, value| field != "spec" || value != &Value::Object(Map::new()));
    }
    object
}

#[tokio::test]
async fn a_new_object_has_the_defaults_of_the_real_server() -> Result<()> {
    let server = Server::connect().await?;
    server.namespace("kinds-defaults").await?;
    let mut objects = samples::namespaced("kinds-defaults");
    objects.extend(samples::cluster("kinds-defaults"));
    objects.push(samples::definition("defaults.example.com"));
    for object in objects {
        let real = server.try_create(&object).await?;
        assert_ne!(real["kind"], "Status", "{real}");
        let kind = kind_of(&object);
        let mut ours = object;
        ours["metadata"]["uid"] = real["metadata"]["uid"].clone();
        if &*kind.group == "events.k8s.io" {
            ours = events_v1_from_core(&core_from_events_v1(&ours));
        }
        default_builtin(&kind, &mut ours);
        let once = ours.clone();
        default_builtin(&kind, &mut ours);
        assert_eq!(once, ours, "a second call changes nothing");
        assert_eq!(comparable(ours), comparable(real));
    }
    Ok(())
}

#[tokio::test]
async fn an_event_is_shown_in_both_groups_as_the_real_server_shows_it() -> Result<()> {
    let server = Server::connect().await?;
    server.namespace("kinds-events").await?;
    for event in
        samples::namespaced("kinds-events").iter().filter(|object| object["kind"] == "Event")
    {
        server.create(event).await?;
        let name = event["metadata"]["name"].as_str().unwrap();
        let core = server.read(&format!("/api/v1/namespaces/kinds-events/events/{name}")).await?;
        let v1 = server
            .read(&format!("/apis/events.k8s.io/v1/namespaces/kinds-events/events/{name}"))
            .await?;
        assert_eq!(events_v1_from_core(&core), v1);
        assert_eq!(core_from_events_v1(&v1), core);
    }
    Ok(())
}
