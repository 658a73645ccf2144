//! What a store answers, with a file and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::Arc;

use apiserver_store::{Condition, EventKind, Expired, Lost, Options, Store, WriteError};
use common::{create, delete, put, update, write, write_at};

fn memory() -> Store {
    Store::in_memory(Options::default())
}

fn names(objects: &[Arc<apiserver_store::Object>]) -> Vec<String> {
    objects.iter().map(|object| format!("{}/{}", object.key.namespace, object.key.name)).collect()
}

#[tokio::test]
async fn a_write_gets_the_next_revision_and_carries_it_in_its_bytes() {
    let store = memory();
    let first = create(&store, "pods", "a", "x", "one").await.unwrap();
    let second = update(&store, &first, "two").await.unwrap();
    assert_eq!((first.revision, first.created, second.revision, second.created), (1, 1, 2, 1));
    assert_eq!(&second.json[..], br#"{"resourceVersion":"2","text":"two"}"#);
    assert_eq!(store.read("pods", "a", "x"), Some(second));
    assert_eq!(store.revision(), 2);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_conflict_with_the_present_object() {
    let store = memory();
    let first = create(&store, "pods", "a", "x", "one").await.unwrap();
    let second = update(&store, &first, "two").await.unwrap();
    let current = |result| match result {
        Err(WriteError::Conflict { current }) => current,
        other => panic!("{other:?}"),
    };
    assert_eq!(current(update(&store, &first, "three").await), Some(Arc::clone(&second)));
    assert_eq!(current(create(&store, "pods", "a", "x", "one").await), Some(Arc::clone(&second)));
    assert_eq!(current(delete(&store, &first).await), Some(second));
    assert_eq!(
        current(store.write(write("pods", "a", "y", Condition::Revision(1), put("no"))).await),
        None
    );
    assert_eq!(store.revision(), 2);
}

#[tokio::test]
async fn a_namespace_without_room_takes_no_other_object_until_one_is_deleted() {
    let store = memory();
    let in_room = async |namespace: &str, name: &str| {
        store.write(write("pods", namespace, name, Condition::Room(2), put("one"))).await
    };
    let first = in_room("a", "x").await.unwrap();
    in_room("a", "y").await.unwrap();
    create(&store, "jobs", "a", "z", "one").await.unwrap();
    let full = |result| matches!(result, Err(WriteError::Crowded { count: 2 }));
    assert!(full(in_room("a", "z").await));
    assert!(full(in_room("a", "y").await), "whether it exists or not");
    in_room("b", "z").await.unwrap();
    assert_eq!((store.count_in("pods", "a"), store.count_in("pods", "c")), (2, 0));
    delete(&store, &first).await.unwrap();
    let taken = in_room("a", "y").await;
    assert!(matches!(taken, Err(WriteError::Conflict { current: Some(_) })), "{taken:?}");
    in_room("a", "z").await.unwrap();
    assert_eq!(store.count_in("pods", "a"), 2);
}

#[tokio::test]
async fn of_many_writes_at_once_as_many_are_made_as_there_is_room_for() {
    let store = memory();
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..50 {
        let write = write("pods", "a", &number.to_string(), Condition::Room(10), put("one"));
        let store = store.clone();
        writes.spawn(async move { store.write(write).await });
    }
    let answers = writes.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    refused
        .for_each(|error| assert!(matches!(error, WriteError::Crowded { count: 10 }), "{error}"));
    assert_eq!(store.count_in("pods", "a"), 10);
}

#[tokio::test]
async fn a_deletion_answers_the_last_version_at_its_own_revision() {
    let store = memory();
    let first = create(&store, "pods", "a", "x", "one").await.unwrap();
    let mut watch = store.watch("pods", None, 1).unwrap();
    let deleted = delete(&store, &first).await.unwrap();
    assert_eq!((deleted.revision, deleted.created), (2, 1));
    assert_eq!((store.read("pods", "a", "x"), store.count("pods")), (None, 0));
    let event = watch.next().await.unwrap();
    assert_eq!(
        (event.kind, &event.object, event.previous.as_ref()),
        (EventKind::Deleted, &deleted, Some(&first))
    );
    let again = create(&store, "pods", "a", "x", "one").await.unwrap();
    assert_eq!((again.revision, again.created), (3, 3));
}

#[tokio::test]
async fn lists_are_in_the_order_of_etcd_keys() {
    let store = memory();
    for (namespace, name) in
        [("a", "z"), ("a-b", "x"), ("b", "c"), ("a", "y"), ("", "w"), ("a", "y.z"), ("a", "y-z")]
    {
        create(&store, "pods", namespace, name, "").await.unwrap();
    }
    let all = store.list("pods", None, None, 0, None).unwrap();
    assert_eq!(names(&all.objects), ["/w", "a-b/x", "a/y", "a/y-z", "a/y.z", "a/z", "b/c"]);
    let scoped = store.list("pods", Some("a"), Some(("a", "y-z")), 1, None).unwrap();
    assert_eq!(
        (names(&scoped.objects), scoped.more, scoped.remaining),
        (vec!["a/y.z".into()], true, 1)
    );
    let beyond = store.list("pods", Some("a"), Some(("b", "c")), 0, None).unwrap();
    assert_eq!(names(&beyond.objects), Vec::<String>::new());
    let before = store.list("pods", Some("b"), Some(("a", "z")), 0, None).unwrap();
    assert_eq!(names(&before.objects), ["b/c"]);
}

#[tokio::test]
async fn pages_of_a_snapshot_do_not_see_later_changes() {
    let store = memory();
    let mut objects = Vec::new();
    for number in 0..10 {
        objects.push(create(&store, "pods", "a", &format!("p{number}"), "old").await.unwrap());
    }
    let mut page = store.list("pods", None, None, 3, None).unwrap();
    let revision = page.revision;
    let mut seen = page.objects.clone();
    while page.more {
        let last = Arc::clone(seen.last().unwrap());
        // Something changes ahead of the page, behind it, and in it, before each next page.
        let ahead = store.read("pods", "a", "p9").unwrap();
        update(&store, &ahead, "new").await.unwrap();
        if let Some(behind) = store.read("pods", "a", "p5") {
            delete(&store, &behind).await.unwrap();
        }
        create(&store, "pods", "a", &format!("{}x", last.key.name), "added").await.unwrap();
        let after = Some((&*last.key.namespace, &*last.key.name));
        let next = store.list("pods", None, after, 3, Some(revision)).unwrap();
        assert_eq!(
            (next.revision, next.remaining),
            (revision, page.remaining - next.objects.len())
        );
        seen.extend(next.objects.iter().cloned());
        page = next;
    }
    assert_eq!(seen, objects);
}

#[tokio::test]
async fn a_revision_older_than_the_history_is_expired_for_lists_and_watches() {
    let store = Store::in_memory(Options { history_events: 2, ..Options::default() });
    let mut object = create(&store, "pods", "a", "x", "").await.unwrap();
    let mut slow = store.watch("pods", None, 0).unwrap();
    for _ in 0..4 {
        object = update(&store, &object, "").await.unwrap();
    }
    assert_eq!(store.list("pods", None, None, 0, Some(2)), Err(Expired { oldest: 3 }));
    assert_eq!(store.watch("pods", None, 2).unwrap_err(), Expired { oldest: 3 });
    assert_eq!(slow.try_next().unwrap_err(), Lost::Behind { oldest: 3 });
    assert_eq!(store.list("pods", None, None, 0, Some(3)).unwrap().objects[0].revision, 3);
    let mut watch = store.watch("pods", None, 3).unwrap();
    assert_eq!(
        [watch.next().await.unwrap().revision(), watch.next().await.unwrap().revision()],
        [4, 5]
    );
}

#[tokio::test]
async fn a_history_is_bounded_by_the_bytes_it_holds_beyond_the_live_objects() {
    let store = Store::in_memory(Options { history_bytes: 10_000, ..Options::default() });
    let text = "x".repeat(3_000);
    for number in 0..20 {
        create(&store, "pods", "a", &format!("p{number}"), &text).await.unwrap();
    }
    assert_eq!(store.watch("pods", None, 0).map(drop), Ok(()), "live objects are not counted");
    let mut object = store.read("pods", "a", "p0").unwrap();
    for _ in 0..5 {
        object = update(&store, &object, &text).await.unwrap();
    }
    assert_eq!(store.list("pods", None, None, 0, Some(22)).map(|listing| listing.revision), Ok(22));
    assert_eq!(store.list("pods", None, None, 0, Some(21)), Err(Expired { oldest: 22 }));
}

#[tokio::test]
async fn a_bookmark_advances_with_the_store_but_not_past_an_event_to_come() {
    let store = memory();
    let mut watch = store.watch("pods", Some("a"), 0).unwrap();
    create(&store, "secrets", "a", "s", "").await.unwrap();
    create(&store, "pods", "b", "p", "").await.unwrap();
    assert_eq!(watch.revision(), 2);
    create(&store, "pods", "a", "p", "").await.unwrap();
    create(&store, "secrets", "a", "t", "").await.unwrap();
    assert_eq!(watch.revision(), 2);
    assert_eq!(watch.try_next().unwrap().unwrap().revision(), 3);
    assert_eq!(watch.revision(), 4);
    assert!(watch.try_next().unwrap().is_none());
    assert_eq!(watch.revision(), 4);
}

#[tokio::test]
async fn an_event_is_encoded_once_for_all_watchers() {
    let store = memory();
    let mut watches =
        [store.watch("pods", None, 0).unwrap(), store.watch("pods", None, 0).unwrap()];
    create(&store, "pods", "a", "p", "").await.unwrap();
    let mut made = 0;
    for watch in &mut watches {
        let event = watch.next().await.unwrap();
        let frame = event.cached(|event| {
            made += 1;
            event.object.json.clone()
        });
        assert_eq!(frame, event.object.json);
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_closed_store_still_reads_refuses_writes_and_ends_watches() {
    let store = memory();
    let mut watch = store.watch("pods", None, 0).unwrap();
    let object = create(&store, "pods", "a", "p", "").await.unwrap();
    store.close().await;
    assert!(matches!(update(&store, &object, "").await, Err(WriteError::Closed)));
    assert_eq!(store.read("pods", "a", "p"), Some(object));
    assert_eq!(watch.next().await.unwrap().revision(), 1);
    assert_eq!(watch.next().await.unwrap_err(), Lost::Closed);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_get_every_event_once_and_in_order_while_many_write() {
    let store = memory();
    let (writers, each) = (16, 100);
    let watchers: Vec<_> = (0..8)
        .map(|number| {
            let scope = (number % 2 == 1).then_some("n3");
            let mut watch = store.watch("pods", scope, 0).unwrap();
            let count = if scope.is_some() { each } else { writers * each };
            tokio::spawn(async move {
                let mut revisions = Vec::new();
                while revisions.len() < count {
                    let event = watch.next().await.unwrap();
                    assert!(scope.is_none_or(|scope| scope == &*event.object.key.namespace));
                    revisions.push(event.revision());
                }
                (scope, revisions)
            })
        })
        .collect();
    let tasks: Vec<_> = (0..writers)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut object =
                    create(&store, "pods", &format!("n{number}"), "p", "").await.unwrap();
                let mut revisions = vec![object.revision];
                for _ in 1..each {
                    object = update(&store, &object, "").await.unwrap();
                    revisions.push(object.revision);
                }
                revisions
            })
        })
        .collect();
    let mut written = Vec::new();
    for task in tasks {
        written.push(task.await.unwrap());
    }
    for watcher in watchers {
        match watcher.await.unwrap() {
            (None, revisions) => {
                assert_eq!(revisions, (1..=(writers * each) as u64).collect::<Vec<_>>());
            }
            (Some(_), revisions) => assert_eq!(revisions, written[3]),
        }
    }
}

#[tokio::test]
async fn only_one_of_many_writers_with_the_same_condition_wins() {
    let store = memory();
    let object = create(&store, "pods", "a", "p", "").await.unwrap();
    let writes = (0..50).map(|number| write_at(&object, put(&number.to_string())));
    let tasks: Vec<_> = writes
        .map(|write| {
            let store = store.clone();
            tokio::spawn(async move { store.write(write).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(WriteError::Conflict { current }) => assert_eq!(current.unwrap().revision, 2),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(won, 1);
}
