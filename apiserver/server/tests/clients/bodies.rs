//! Bodies that are broken, too large or too deep.

use serde_json::{Value, json};

use crate::harness::{Answer, Bystander, CONFIG_MAPS, Running, config_map};

const JSON: &str = "Content-Type: application/json";
const YAML: &str = "Content-Type: application/yaml";
const MERGE: &str = "Content-Type: application/merge-patch+json";
const JSON_PATCH: &str = "Content-Type: application/json-patch+json";
const MIB: usize = 1024 * 1024;

/// Every case is sent; what does not fit is told together.
async fn assert_all_refused(cases: Vec<(&str, &str, Vec<u8>)>, code: u16, reason: &str) {
    let server = Running::start().await;
    let bystander = Bystander::begin(&server).await;
    let mut problems = Vec::new();
    for (what, content, body) in cases {
        let mut connection = server.connect().await;
        match connection.request("POST", CONFIG_MAPS, &[content], &body).await {
            Ok(answer) => problems
                .extend(answer.differs(code, reason).map(|problem| format!("{what}: {problem}"))),
            Err(error) => problems.push(format!("{what}: {error}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(server.get(CONFIG_MAPS).await.json()["items"], json!([]), "something was stored");
    bystander.assert_unharmed("broken bodies").await;
}

fn nested(open: &str, close: &str, levels: usize) -> Vec<u8> {
    format!("{}1{}", open.repeat(levels), close.repeat(levels)).into_bytes()
}

fn in_data(value: &[u8]) -> Vec<u8> {
    let mut body =
        br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"#.to_vec();
    body.extend_from_slice(value);
    body.extend_from_slice(b"}}");
    body
}

#[tokio::test]
async fn broken_json_is_a_bad_request() {
    let good = config_map("a", "b").to_string().into_bytes();
    let with = |end: &[u8]| [good.as_slice(), end].concat();
    let cases = vec![
        ("nothing", JSON, Vec::new()),
        ("blanks", JSON, b" \n\t ".to_vec()),
        ("half an object", JSON, good[..good.len() / 2].to_vec()),
        ("text after the object", JSON, with(b" x")),
        ("a second object", JSON, with(&good)),
        ("NUL after the object", JSON, with(b"\0")),
        ("NUL bytes", JSON, vec![0; 100]),
        ("NUL in a string", JSON, in_data(b"\"\0\"")),
        ("invalid UTF-8", JSON, in_data(b"\"\xff\xfe\"")),
        ("a surrogate of UTF-8", JSON, in_data(b"\"\xed\xa0\x80\"")),
        ("a byte order mark", JSON, [b"\xef\xbb\xbf", good.as_slice()].concat()),
        (
            "UTF-16",
            JSON,
            String::from_utf8(good.clone())
                .unwrap()
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
        ),
        ("a list", JSON, b"[]".to_vec()),
        ("a number", JSON, b"1".to_vec()),
        ("a string", JSON, br#""ConfigMap""#.to_vec()),
        ("a number where a text belongs", JSON, in_data(b"1")),
        ("a number that no float holds", JSON, in_data(b"1e999")),
        ("a number of 100,000 digits", JSON, in_data(&vec![b'9'; 100_000])),
        ("NaN", JSON, in_data(b"NaN")),
        ("a single quote", JSON, in_data(b"'a'")),
        ("10,000 lists in lists", JSON, nested("[", "]", 10_000)),
        ("10,000 objects in objects", JSON, nested(r#"{"a":"#, "}", 10_000)),
        ("1,000,000 lists that never end", JSON, vec![b'['; MIB]),
        ("10,000 lists in an object's field", JSON, in_data(&nested("[", "]", 10_000))),
        ("what gzip made", JSON, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00".to_vec()),
    ];
    assert_all_refused(cases, 400, "BadRequest").await;
}

#[tokio::test]
async fn broken_yaml_is_a_bad_request() {
    let document = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
    let with = |end: &str| format!("{document}{end}").into_bytes();
    let laugh = |level: usize| {
        format!("l{level}: &l{level} [{}]\n", vec![format!("*l{}", level - 1); 10].join(","))
    };
    let laughs: Vec<String> = (1..10).map(laugh).collect();
    let laughs = laughs.concat();
    let cases = vec![
        ("a tab as indentation", YAML, with("data:\n\ta: b\n")),
        ("an unknown anchor", YAML, with("data: *nobody\n")),
        ("NUL bytes", YAML, vec![0; 100]),
        ("invalid UTF-8", YAML, [document.as_bytes(), b"data: {a: \"\xff\"}"].concat()),
        ("a list", YAML, b"- a\n- b\n".to_vec()),
        ("a second document", YAML, with("---\na: b\n")),
        ("10,000 lists in lists", YAML, nested("[", "]", 10_000)),
        ("10,000 levels in lines", YAML, "- ".repeat(10_000).into_bytes()),
        ("1,000,000 lists that never end", YAML, vec![b'['; MIB]),
        (
            "a billion laughs",
            YAML,
            with(&format!("l0: &l0 [ha,ha,ha,ha,ha,ha,ha,ha,ha,ha]\n{laughs}data: *l9\n")),
        ),
        ("an alias of itself", YAML, with("data: &a {a: *a}\n")),
        (
            "a tag of another language",
            YAML,
            with("data: !!python/object/apply:os.system ['true']\n"),
        ),
        ("a merge key of itself", YAML, with("data: &a\n  <<: *a\n")),
    ];
    assert_all_refused(cases, 400, "BadRequest").await;
}

#[tokio::test]
async fn a_small_alias_that_grows_to_gigabytes_is_refused() {
    let text = "x".repeat(100_000);
    let list = vec!["*t"; 20_000].join(",");
    let body = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nt: &t \"{text}\"\nl: [{list}]\n"
    );
    let before = crate::harness::resident::bytes("self");
    assert_all_refused(vec![("2 GB of aliases", YAML, body.into_bytes())], 400, "BadRequest").await;
    let grown = crate::harness::resident::bytes("self").saturating_sub(before) / MIB;
    assert!(grown < 300, "{grown} MiB more are in memory");
}

#[tokio::test]
async fn bodies_of_other_types_are_unsupported() {
    let good = config_map("a", "b").to_string().into_bytes();
    let names = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "a",
        "/",
    ];
    let headers: Vec<String> = names.iter().map(|name| format!("Content-Type: {name}")).collect();
    let cases =
        headers.iter().map(|header| (header.as_str(), header.as_str(), good.clone())).collect();
    assert_all_refused(cases, 415, "UnsupportedMediaType").await;
}

#[tokio::test]
async fn objects_that_break_the_rules_are_invalid() {
    let labelled = |labels: Value| {
        let mut object = config_map("a", "b");
        object["metadata"]["labels"] = labels;
        object.to_string().into_bytes()
    };
    let named = |name: &str| config_map(name, "b").to_string().into_bytes();
    let cases = vec![
        ("a label of 2 MiB", JSON, labelled(json!({ "a": "x".repeat(2 * MIB) }))),
        ("a label's key of 2 MiB", JSON, labelled(json!({ "x".repeat(2 * MIB): "a" }))),
        ("a label with a line feed", JSON, labelled(json!({ "a": "b\n" }))),
        ("a name of 64 KiB", JSON, named(&"x".repeat(64 * 1024))),
        ("a name that climbs", JSON, named("../../secrets/a")),
        ("a name with NUL", JSON, named("a\0b")),
        ("a name with a line feed", JSON, named("a\n")),
        ("a name of wide letters", JSON, named(&"ü".repeat(100))),
        ("a key that climbs", JSON, json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "../a": "b" } }).to_string().into_bytes()),
        ("10,000 labels that are wrong", JSON, labelled((0..10_000).map(|number| (format!("{number}/-"), "!".into())).collect::<serde_json::Map<_, _>>().into())),
        ("more than 1 MiB of data", JSON, config_map("a", &"x".repeat(MIB + 1)).to_string().into_bytes()),
        ("a name twice as owner", JSON, json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "ownerReferences": [{}, {}] } }).to_string().into_bytes()),
    ];
    assert_all_refused(cases, 422, "Invalid").await;
}

#[tokio::test]
async fn ten_thousand_labels_are_kept_and_selected_by() {
    let server = Running::start().await;
    let mut object = config_map("a", "b");
    let labels: serde_json::Map<_, _> =
        (0..10_000).map(|number| (format!("l{number}"), "v".into())).collect();
    object["metadata"]["labels"] = labels.into();
    server.json("POST", CONFIG_MAPS, &object).await.assert_code("create", 201);
    let found = server.get(&format!("{CONFIG_MAPS}?labelSelector=l9999%3Dv")).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_of_two_equal_fields_counts_and_strict_names_the_field() {
    let server = Running::start().await;
    let body = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","name":"b"},"data":{"c":"1","c":"2"}}"#;
    let strict = server
        .request("POST", &format!("{CONFIG_MAPS}?fieldValidation=Strict"), &[JSON], body)
        .await;
    strict.assert_failure("strict", 400, "BadRequest");
    for field in [r#"duplicate field "metadata.name""#, r#"duplicate field "data.c""#] {
        assert!(strict.message().contains(field), "{field} is not in {strict}");
    }
    let lenient = server.request("POST", CONFIG_MAPS, &[JSON], body).await;
    lenient.assert_code("lenient", 201);
    assert_eq!(
        (&lenient.json()["metadata"]["name"], &lenient.json()["data"]["c"]),
        (&json!("b"), &json!("2"))
    );
}

#[tokio::test]
async fn unknown_fields_are_named_each_under_strict() {
    let server = Running::start().await;
    let mut object = config_map("a", "b");
    object["first"] = json!(1);
    object["metadata"]["second"] = json!({ "x": 1 });
    let target = |validation: &str| format!("{CONFIG_MAPS}?fieldValidation={validation}");
    let answer = server.json("POST", &target("Strict"), &object).await;
    answer.assert_failure("strict", 400, "BadRequest");
    for field in [r#"unknown field "first""#, r#"unknown field "metadata.second""#] {
        assert!(answer.message().contains(field), "{field} is not in {answer}");
    }
    let warned = server.json("POST", &target("Warn"), &object).await;
    warned.assert_code("warn", 201);
    let warnings: Vec<&str> = warned
        .headers
        .iter()
        .filter(|(name, _)| name == "warning")
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(warnings.iter().any(|text| text.contains("first")), "{warnings:?}");
    assert!(
        warned.json().get("first").is_none() && warned.json()["metadata"].get("second").is_none()
    );
    let answer = server.json("POST", &target("Sometimes"), &object).await;
    answer.assert_failure("a word that is none of the three", 422, "Invalid");
}

#[tokio::test]
async fn fifty_thousand_unknown_fields_make_a_short_answer() {
    let server = Running::start().await;
    let mut object = config_map("a", "b");
    for number in 0..50_000 {
        object[format!("unknown-{number}-\n\"\u{1f600}")] = json!(number);
    }
    let strict =
        server.json("POST", &format!("{CONFIG_MAPS}?fieldValidation=Strict"), &object).await;
    strict.assert_failure("strict", 400, "BadRequest");
    let warned = server.json("POST", CONFIG_MAPS, &object).await;
    warned.assert_code("warn", 201);
    let warnings: usize = warned
        .headers
        .iter()
        .filter(|(name, _)| name == "warning")
        .map(|(_, text)| text.len())
        .sum();
    assert!(warnings < 16 * 1024, "{warnings} bytes of warnings");
}

fn too_large(answer: &Answer, what: &str) -> Option<String> {
    answer.differs(413, "RequestEntityTooLarge").map(|problem| format!("{what}: {problem}"))
}

#[tokio::test]
async fn a_body_over_three_mebibytes_is_refused_with_an_answer_that_can_be_read() {
    let server = Running::start().await;
    let mut problems = Vec::new();
    for size in [3 * MIB + 1, 40 * MIB] {
        let mut connection = server.connect().await;
        match connection.request("POST", CONFIG_MAPS, &[JSON], &vec![b' '; size]).await {
            Ok(answer) => problems.extend(too_large(&answer, &format!("{size} bytes"))),
            Err(error) => problems.push(format!("{size} bytes: {error}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let largest = server.request("POST", CONFIG_MAPS, &[JSON], &vec![b' '; 3 * MIB]).await;
    largest.assert_failure("3 MiB exactly are read", 400, "BadRequest");
}

#[tokio::test]
async fn a_chunked_body_without_a_length_is_refused_once_it_is_too_large() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let head = connection.head("POST", CONFIG_MAPS, &[JSON, "Transfer-Encoding: chunked"]);
    connection.send(head).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    // 64 MiB if nobody stops it.
    for _ in 0..1024 {
        if connection.send(&chunk).await.is_err() {
            break;
        }
    }
    assert_eq!(too_large(&connection.answer().await.unwrap(), "chunked"), None);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_answered() {
    let server = Running::start().await;
    let large = vec![b' '; 3 * MIB + 1];
    let answer = ask_then_send(&server, &large).await;
    assert_eq!(too_large(&answer, "asked first"), None);
    let answer = ask_then_send(&server, config_map("a", "b").to_string().as_bytes()).await;
    answer.assert_code("asked first", 201);
}

/// Sends the body only where the server says `100 Continue`; the answer is the one after that.
async fn ask_then_send(server: &Running, body: &[u8]) -> Answer {
    let mut connection = server.connect().await;
    let length = format!("Content-Length: {}", body.len());
    let head = connection.head("POST", CONFIG_MAPS, &[JSON, "Expect: 100-continue", &length]);
    connection.send(head).await.unwrap();
    let answer = connection.answer().await.unwrap();
    if answer.code != 100 {
        return answer;
    }
    let _ = connection.send(body).await;
    connection.answer().await.unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_json_though_it_claims_an_encoding_is_refused() {
    let server = Running::start().await;
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let answer = server.request("POST", CONFIG_MAPS, &[JSON, "Content-Encoding: gzip"], gzip).await;
    assert!(matches!(answer.code, 400 | 415), "{answer}");
    assert_eq!(answer.json()["kind"], "Status");
}

#[tokio::test]
async fn patches_that_are_too_much_are_refused() {
    let server = Running::start().await;
    server.json("POST", CONFIG_MAPS, &config_map("a", "b")).await.assert_code("create", 201);
    let bystander = Bystander::begin(&server).await;
    let target = format!("{CONFIG_MAPS}/a");
    let operations = |count: usize| {
        Value::Array(vec![json!({ "op": "test", "path": "/data/value", "value": "b" }); count])
    };
    let send = async |content: &str, body: Vec<u8>| {
        server.request("PATCH", &target, &[content], &body).await
    };
    send(JSON_PATCH, operations(10_000).to_string().into_bytes())
        .await
        .assert_code("10,000 operations", 200);
    let answer = send(JSON_PATCH, operations(10_001).to_string().into_bytes()).await;
    answer.assert_failure("10,001 operations", 413, "RequestEntityTooLarge");
    for (what, content) in [
        ("merge patch", MERGE),
        ("strategic merge patch", "Content-Type: application/strategic-merge-patch+json"),
        ("apply", "Content-Type: application/apply-patch+yaml"),
        ("JSON patch", JSON_PATCH),
    ] {
        for (open, close) in [(r#"{"a":"#, "}"), ("[", "]")] {
            let answer = send(content, nested(open, close, 10_000)).await;
            assert!(
                matches!(answer.code, 400 | 422) && answer.json()["kind"] == "Status",
                "{what} of {open}: {answer}"
            );
        }
    }
    let doubling: Vec<Value> =
        std::iter::once(json!({ "op": "add", "path": "/data/d", "value": "x".repeat(1000) }))
            .chain((0..60).map(
                |step| json!({ "op": "copy", "from": "/data", "path": format!("/data/d{step}") }),
            ))
            .collect();
    let answer = send(JSON_PATCH, Value::Array(doubling).to_string().into_bytes()).await;
    assert!(
        matches!(answer.code, 400 | 413 | 422) && answer.json()["kind"] == "Status",
        "copies that double: {answer}"
    );
    assert_eq!(server.get(&target).await.json()["data"], json!({ "value": "b" }));
    bystander.assert_unharmed("patches").await;
}

#[tokio::test]
async fn an_object_does_not_grow_beyond_what_a_body_may_be_by_patches() {
    let server = Running::start().await;
    let name = "/api/v1/namespaces/default";
    let mut problems = Vec::new();
    for part in 0..6 {
        let patch = json!({ "metadata": { "labels": { format!("part-{part}"): "x" }, "annotations": { format!("part-{part}"): "x".repeat(200 * 1024) } } });
        let answer = server.json("PATCH", name, &patch).await;
        problems.push(answer.code);
    }
    assert_eq!(problems, [200, 422, 422, 422, 422, 422], "annotations are at most 256 KiB");
}

/// The envelope of an object without any field: `k8s.io/apimachinery` `runtime.Unknown`.
fn empty_protobuf(api_version: &str, kind: &str) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    };
    let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &type_meta), field(2, b"")].concat()
}

/// `kubectl create` does, where there is a command for the kind.
#[tokio::test]
async fn every_built_in_kind_may_be_sent_in_protobuf() {
    let server = Running::start().await;
    let groups = server.get("/apis").await.json();
    let groups = groups["groups"].as_array().unwrap().iter();
    let groups = groups.map(|group| group["preferredVersion"]["groupVersion"].as_str().unwrap());
    let mut problems = Vec::new();
    for version in groups.chain(["v1"]) {
        let root = if version == "v1" { "api" } else { "apis" };
        let all = server.get(&format!("/{root}/{version}")).await.json();
        for resource in all["resources"].as_array().unwrap() {
            let [plural, kind] = ["name", "kind"].map(|key| resource[key].as_str().unwrap());
            if plural.contains('/') || !resource["verbs"].to_string().contains("create") {
                continue;
            }
            let place = if resource["namespaced"] == true { "/namespaces/default" } else { "" };
            let body = empty_protobuf(version, kind);
            let content = "Content-Type: application/vnd.kubernetes.protobuf";
            let target = format!("/{root}/{version}{place}/{plural}");
            let answer = server.request("POST", &target, &[content], &body).await;
            if answer.message().contains("protobuf") {
                problems.push(answer.message());
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
