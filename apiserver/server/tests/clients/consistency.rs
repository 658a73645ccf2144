//! Many clients on the same objects.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

use crate::harness::connection::Events;
use crate::harness::{CONFIG_MAPS, Connection, Running, config_map};

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn of_64_writers_with_the_same_revision_exactly_one_wins_each_round() {
    let server = Running::start().await;
    let target = format!("{CONFIG_MAPS}/a");
    let mut object = server.json("POST", CONFIG_MAPS, &config_map("a", "start")).await.json();
    let mut connections: Vec<Connection> = Vec::new();
    for _ in 0..64 {
        connections.push(server.connect().await);
    }
    for round in 0..10 {
        let writes = connections.iter_mut().enumerate().map(|(writer, connection)| {
            let mut mine = object.clone();
            mine["data"]["value"] = format!("{round}/{writer}").into();
            let target = &target;
            async move { (writer, connection.json("PUT", target, &mine).await) }
        });
        let answers = futures::future::join_all(writes).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(_, answer)| answer.code == 200);
        assert_eq!(won.len(), 1, "round {round}");
        for (_, answer) in lost {
            answer.assert_failure("a loser", 409, "Conflict");
        }
        let stored = server.get(&target).await.json();
        assert_eq!(stored["data"]["value"], json!(format!("{round}/{}", won[0].0)));
        assert!(revision(&stored) > revision(&object));
        object = stored;
    }
}

#[tokio::test]
async fn of_64_creations_and_deletions_of_one_name_one_succeeds() {
    let server = Running::start().await;
    for round in 0..3 {
        let creations = (0..64).map(|_| {
            let target = server.target.clone();
            async move { target.json("POST", CONFIG_MAPS, &config_map("one", "a")).await.code }
        });
        let codes = futures::future::join_all(creations).await;
        assert_eq!(
            codes.iter().filter(|code| **code == 201).count(),
            1,
            "round {round}: {codes:?}"
        );
        assert!(codes.iter().all(|code| matches!(code, 201 | 409)), "{codes:?}");
        let one = format!("{CONFIG_MAPS}/one");
        let deletions = (0..16).map(|_| server.request("DELETE", &one, &[], b""));
        let codes: Vec<u16> =
            futures::future::join_all(deletions).await.iter().map(|answer| answer.code).collect();
        assert_eq!(
            codes.iter().filter(|code| **code == 200).count(),
            1,
            "round {round}: {codes:?}"
        );
        assert!(codes.iter().all(|code| matches!(code, 200 | 404 | 409)), "{codes:?}");
    }
}

/// Patches carry no revision: all of them must be in the object at the end.
#[tokio::test]
async fn patches_without_a_revision_lose_nothing() {
    let server = Running::start().await;
    server.json("POST", CONFIG_MAPS, &config_map("a", "b")).await.assert_code("create", 201);
    let patches = (0..32).map(|writer| {
        let target = server.target.clone();
        async move {
            let mut connection = target.connect().await;
            for number in 0..10 {
                let patch = json!({ "data": { format!("w{writer}-{number}"): "x" } });
                connection
                    .json("PATCH", &format!("{CONFIG_MAPS}/a"), &patch)
                    .await
                    .assert_code("patch", 200);
            }
        }
    });
    futures::future::join_all(patches).await;
    let stored = server.get(&format!("{CONFIG_MAPS}/a")).await.json();
    assert_eq!(stored["data"].as_object().unwrap().len(), 321);
}

/// Creates, changes and deletes objects, and says how the collection must look at the end.
async fn load(server: &Running, writers: usize, rounds: usize) {
    let work = (0..writers).map(|writer| {
        let target = server.target.clone();
        async move {
            let mut connection = target.connect().await;
            for round in 0..rounds {
                let name = format!("w{writer}-{round}");
                let one = format!("{CONFIG_MAPS}/{name}");
                connection
                    .json("POST", CONFIG_MAPS, &config_map(&name, "a"))
                    .await
                    .assert_code("create", 201);
                connection
                    .json("PATCH", &one, &json!({ "data": { "value": "b" } }))
                    .await
                    .assert_code("patch", 200);
                if round % 2 == 0 {
                    connection
                        .request("DELETE", &one, &[], b"")
                        .await
                        .unwrap()
                        .assert_code("delete", 200);
                }
            }
        }
    });
    futures::future::join_all(work).await;
}

#[tokio::test]
async fn watches_from_a_revision_see_each_event_once_and_in_order() {
    let server = Running::start().await;
    let begin = revision(&server.get(CONFIG_MAPS).await.json());
    let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={begin}");
    let (writers, rounds) = (8, 20);
    let events = writers * rounds * 5 / 2;
    let watchers = (0..8_u64).map(|place| {
        let (running, target) = (server.target.clone(), target.clone());
        tokio::spawn(async move {
            // Some begin while it happens.
            while revision(&running.get(CONFIG_MAPS).await.json()) < begin + place * 40 {}
            let mut watch = Events::begin(running.connect().await, &target).await;
            let mut seen = Vec::new();
            while seen.len() < events {
                seen.push(watch.next().await.unwrap());
            }
            seen
        })
    });
    let watchers: Vec<_> = watchers.collect();
    load(&server, writers, rounds).await;
    let mut first = None;
    for watcher in watchers {
        let seen = watcher.await.unwrap();
        let revisions: Vec<u64> = seen.iter().map(|event| revision(&event["object"])).collect();
        assert!(revisions.is_sorted_by(|left, right| left < right), "{revisions:?}");
        assert_eq!(
            *first.get_or_insert_with(|| seen.clone()),
            seen,
            "two watchers saw different things"
        );
    }
    let mut state = BTreeMap::new();
    for event in first.unwrap() {
        let name = event["object"]["metadata"]["name"].as_str().unwrap().to_owned();
        let known = state.contains_key(&name);
        match event["type"].as_str().unwrap() {
            "ADDED" => assert!(!known && state.insert(name, event["object"].clone()).is_none()),
            "MODIFIED" => assert!(known && state.insert(name, event["object"].clone()).is_some()),
            "DELETED" => assert!(state.remove(&name).is_some()),
            other => panic!("{other}"),
        }
    }
    let listed = server.get(CONFIG_MAPS).await.json();
    let listed: BTreeSet<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        listed,
        state.keys().map(String::as_str).collect(),
        "what the events add up to is not what is there"
    );
}

#[tokio::test]
async fn pages_of_a_list_show_one_moment_while_others_write() {
    let server = Running::start().await;
    for number in 0..50 {
        server
            .json("POST", CONFIG_MAPS, &config_map(&format!("first-{number:02}"), "a"))
            .await
            .assert_code("create", 201);
    }
    // The first page is read before the first write.
    let mut page = server.get(&format!("{CONFIG_MAPS}?limit=3")).await;
    let (written, mut writes) = tokio::sync::watch::channel(());
    let paging = async {
        let mut connection = server.connect().await;
        let (mut names, mut revisions) = (Vec::new(), BTreeSet::new());
        loop {
            page.assert_code("page", 200);
            let shown = page.json();
            for object in shown["items"].as_array().unwrap() {
                assert_eq!(
                    object["data"]["value"], "a",
                    "{} is from a later moment",
                    object["metadata"]["name"]
                );
                names.push(object["metadata"]["name"].as_str().unwrap().to_owned());
            }
            revisions.insert(revision(&shown));
            let token = shown["metadata"]["continue"].as_str().unwrap_or_default();
            if token.is_empty() {
                return (names, revisions);
            }
            // A write lies between two pages, until there are no more.
            let _ = writes.changed().await;
            page = connection.get(&format!("{CONFIG_MAPS}?limit=3&continue={token}")).await;
        }
    };
    let writing = async {
        // Gone with the last write, so that paging goes on alone.
        let written = written;
        let mut connection = server.connect().await;
        for number in (0..50).rev() {
            let one = format!("{CONFIG_MAPS}/first-{number:02}");
            if number % 3 == 0 {
                connection
                    .request("DELETE", &one, &[], b"")
                    .await
                    .unwrap()
                    .assert_code("delete", 200);
            } else {
                connection
                    .json("PATCH", &one, &json!({ "data": { "value": "b" } }))
                    .await
                    .assert_code("patch", 200);
            }
            connection
                .json("POST", CONFIG_MAPS, &config_map(&format!("new-{number}"), "b"))
                .await
                .assert_code("create", 201);
            written.send_replace(());
        }
    };
    let ((names, revisions), ()) = tokio::join!(paging, writing);
    assert!(
        names.iter().collect::<BTreeSet<_>>().len() == names.len() && names.is_sorted(),
        "{names:?}"
    );
    assert_eq!(revisions.len(), 1, "the pages are of {revisions:?}");
}
