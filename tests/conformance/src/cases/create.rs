//! Creating objects: what is accepted, and how a request that is not is refused.

use crate::call::{delete, get, post, wordless};
use crate::case::{Case, Difference};

const PLAIN: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}";
const WIDGET: &str =
    "{apiVersion: $shared/v1, kind: Widget, metadata: {name: a}, spec: {color: green}}";
/// A field that no version of the kind has, and one with a wrong name.
const UNKNOWN: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, colour: red}, data: {k: v}, extra: 1}";
const UNKNOWN_WIDGET: &str = "{apiVersion: $shared/v1, kind: Widget, metadata: {name: a}, spec: {colour: green, whole: {c: x}}, extra: 1}";
const TWICE: &str =
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v","k":"w"}}"#;

pub(super) const CASES: &[Case] = &[
    Case::calls("a created object comes back with what the server sets", || {
        vec![post("$configmaps", PLAIN), get("$configmaps/a")]
    }),
    Case::calls("a created custom resource comes back with defaults and generation 1", || {
        vec![post("$widgets", WIDGET), get("$widgets/a")]
    }),
    Case::calls("what a client sets in server-owned metadata is replaced", || {
        vec![post(
            "$configmaps",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: x, creationTimestamp: '2001-01-01T00:00:00Z', generation: 7, selfLink: /x, deletionTimestamp: '2001-01-01T00:00:00Z', deletionGracePeriodSeconds: 5}}",
        )]
    }),
    Case::calls("a resourceVersion on create is refused", || {
        let body = |head: &str| format!("{{{head}, metadata: {{name: a, resourceVersion: '7'}}}}");
        vec![
            post("$configmaps", body("apiVersion: v1, kind: ConfigMap")),
            post("$widgets", body("apiVersion: $shared/v1, kind: Widget")),
        ]
    }),
    Case::calls("a name that exists is refused with AlreadyExists", || {
        vec![
            post("$configmaps", PLAIN).quiet(),
            post("$configmaps", PLAIN),
            post("$widgets", WIDGET).quiet(),
            post("$widgets", WIDGET),
        ]
    }),
    Case::calls("a namespace that does not exist is not found", || {
        vec![
            post("/api/v1/namespaces/none-$id/configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"),
            post("/apis/$shared/v1/namespaces/none-$id/widgets", WIDGET),
        ]
    }),
    Case::calls("a namespace that is being deleted takes no new objects", || {
        vec![
            post(
                "$namespaces",
                "{apiVersion: v1, kind: Namespace, metadata: {name: gone-$id, finalizers: [example.com/hold]}}",
            )
            .quiet(),
            delete("$namespaces/gone-$id").quiet(),
            post("/api/v1/namespaces/gone-$id/configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"),
            post("/apis/$shared/v1/namespaces/gone-$id/widgets", WIDGET),
        ]
    }),
    Case::calls("generateName gives a name with five random letters", || {
        vec![post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: run-}}")]
    }),
    Case::calls("name wins over generateName", || {
        vec![post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: run-, name: b}}")]
    }),
    Case::calls("a long generateName is cut so that the name fits", || {
        let long = "a".repeat(250);
        vec![
            post("$configmaps", format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{generateName: {long}}}}}"))
                .only(&["/kind", "/reason"]),
        ]
    }),
    Case::calls("an object without a name is refused", || {
        vec![
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {}}"),
            post("$widgets", "{apiVersion: $shared/v1, kind: Widget}"),
        ]
    }),
    Case::calls("a namespace in the body that is not the path's is refused", || {
        vec![
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other}}"),
            post("$widgets", "{apiVersion: $shared/v1, kind: Widget, metadata: {name: a, namespace: other}}"),
        ]
    }),
    Case::calls("a body of another kind is refused", || {
        wordless(vec![
            post("$configmaps", "{apiVersion: v1, kind: Secret, metadata: {name: a}}"),
            post("$widgets", "{apiVersion: $shared/v1, kind: Gadget, metadata: {name: a}}"),
            post("$widgets", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"),
        ])
    }),
    Case::calls("a body of another apiVersion is refused", || {
        wordless(vec![
            post("$configmaps", "{apiVersion: v2, kind: ConfigMap, metadata: {name: a}}"),
            post("$widgets", "{apiVersion: $shared/v2, kind: Widget, metadata: {name: a}}"),
            post("$widgets", "{apiVersion: other.example.com/v1, kind: Widget, metadata: {name: a}}"),
        ])
    }),
    Case::calls("a body without kind or apiVersion is taken for a built-in kind and refused for a custom one", || {
        wordless(vec![
            post("$configmaps", "{metadata: {name: a}}"),
            post("$widgets", "{apiVersion: $shared/v1, metadata: {name: a}}"),
            post("$widgets", "{kind: Widget, metadata: {name: a}}"),
        ])
    }),
    Case::calls("a name that is no DNS subdomain is refused", || {
        let body = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
        ["A", "a_b", "-a", "a..b", "'a/b'", "'%'"].map(|name| post("$configmaps", body(name))).to_vec()
    }),
    Case::calls("a name that is too long is refused", || {
        let long = "a".repeat(254);
        vec![
            post("$configmaps", format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {long}}}}}")),
            post("$namespaces", format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {}}}}}", &long[..64])),
        ]
    }),
    Case::calls("a custom resource's name is checked too", || {
        ["A", "a_b"]
            .map(|name| {
                post("$widgets", format!("{{apiVersion: $shared/v1, kind: Widget, metadata: {{name: {name}}}}}"))
            })
            .to_vec()
    }),
    Case::calls("invalid labels, annotations and finalizers are refused", || {
        let body = |metadata: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, {metadata}}}}}");
        vec![
            post("$configmaps", body("labels: {'a b': c}")),
            post("$configmaps", body("labels: {a: 'b c'}")),
            post("$configmaps", body("labels: {'a/b/c': d}")),
            post("$configmaps", body("annotations: {'a b': c}")),
            post("$configmaps", body("finalizers: ['a b']")),
            post("$configmaps", body("finalizers: [unqualified]")),
        ]
    }),
    Case::calls("invalid owner references are refused", || {
        let body = |owner: &str| {
            format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, ownerReferences: [{owner}]}}}}")
        };
        vec![
            post("$configmaps", body("{}")),
            post("$configmaps", body("{apiVersion: v1, kind: ConfigMap, name: o, uid: u}")),
            post(
                "$configmaps",
                body(
                    "{apiVersion: v1, kind: ConfigMap, name: o, uid: u1, controller: true}, {apiVersion: v1, kind: Secret, name: p, uid: u2, controller: true}",
                ),
            ),
            post("$configmaps", body("{apiVersion: v1, kind: Event, name: o, uid: u}")),
        ]
    })
    .differs(Difference {
        why: "A value in a message has its keys in alphabetical order, not in that of a Go type.",
        answers: &[
            (3, "/body/details/causes/0/message", r#""Invalid value: [{\"apiVersion\":\"v1\",\"controller\":true,\"kind\":\"ConfigMap\",\"name\":\"o\",\"uid\":\"u1\"},{\"apiVersion\":\"v1\",\"controller\":true,\"kind\":\"Secret\",\"name\":\"p\",\"uid\":\"u2\"}]: Only one reference can have Controller set to true. Found \"true\" in references for ConfigMap/o and Secret/p""#),
            (3, "/body/message", r#""ConfigMap \"a\" is invalid: metadata.ownerReferences: Invalid value: [{\"apiVersion\":\"v1\",\"controller\":true,\"kind\":\"ConfigMap\",\"name\":\"o\",\"uid\":\"u1\"},{\"apiVersion\":\"v1\",\"controller\":true,\"kind\":\"Secret\",\"name\":\"p\",\"uid\":\"u2\"}]: Only one reference can have Controller set to true. Found \"true\" in references for ConfigMap/o and Secret/p""#),
        ],
    }),
    Case::calls("a dry run answers as a create and stores nothing", || {
        vec![
            post("$configmaps?dryRun=All", PLAIN).only(&["/kind", "/data", "/metadata/name"]),
            get("$configmaps/a"),
            post("$configmaps?dryRun=Some", PLAIN),
        ]
    }),
    Case::calls("unknown fields are dropped in silence under Ignore", || {
        vec![
            post("$configmaps?fieldValidation=Ignore", UNKNOWN),
            post("$widgets?fieldValidation=Ignore", UNKNOWN_WIDGET),
        ]
    }),
    Case::calls("unknown fields make a warning under Warn, which is the default", || {
        vec![post("$configmaps?fieldValidation=Warn", UNKNOWN), post("$widgets", UNKNOWN_WIDGET)]
    }),
    Case::calls("unknown fields are refused under Strict", || {
        vec![
            post("$configmaps?fieldValidation=Strict", UNKNOWN),
            post("$widgets?fieldValidation=Strict", UNKNOWN_WIDGET),
            post("$configmaps?fieldValidation=Loose", UNKNOWN),
        ]
    }),
    Case::calls("a field that is there twice is warned of or refused", || {
        vec![post("$configmaps", "").text(TWICE), post("$configmaps?fieldValidation=Strict", "").text(TWICE)]
    }),
    Case::calls("a field of a custom resource that is there twice is warned of or refused", || {
        let twice = r#"{"apiVersion":"$shared/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"size":1,"size":2}}"#;
        vec![post("$widgets", "").text(twice), post("$widgets?fieldValidation=Strict", "").text(twice)]
    }),
    Case::calls("a value of the wrong type is refused", || {
        wordless(vec![
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: 1}}"),
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: [a]}"),
            post("$configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: true}}}"),
            post(
                "$widgets",
                "{apiVersion: $shared/v1, kind: Widget, metadata: {name: a}, spec: {color: 1, size: big}}",
            ),
            post("$widgets", "{apiVersion: $shared/v1, kind: Widget, metadata: {name: a, labels: {a: 1}}}"),
            post("$widgets", "{apiVersion: $shared/v1, kind: Widget, metadata: [], spec: {}}"),
        ])
    }),
    Case::calls("broken JSON is refused", || {
        ["{", "{\"a\":}", "null", "[]", "\"x\"", "{} {}"]
            .map(|text| post("$configmaps", "").text(text).wordless())
            .to_vec()
    }),
    Case::calls("broken JSON of a custom resource is refused", || {
        ["{", "{\"a\":}", "null", "[]"].map(|text| post("$widgets", "").text(text).wordless()).to_vec()
    }),
    Case::calls("an empty body is refused", || {
        vec![post("$configmaps", "").text("").wordless(), post("$widgets", "").text("").wordless()]
    }),
    Case::calls("a body in YAML is understood", || {
        let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
        let widget = "apiVersion: $shared/v1\nkind: Widget\nmetadata:\n  name: a\nspec:\n  size: 3\n";
        vec![
            post("$configmaps", "").header("content-type", "application/yaml").text(yaml),
            post("$widgets", "").header("content-type", "application/yaml").text(widget),
        ]
    }),
    Case::calls("a body of more than three mebibytes is refused", || {
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"a"}},"data":{{"k":"{}"}}}}"#,
            "x".repeat(3 << 20)
        );
        vec![post("$configmaps", "").text(text)]
    }),
    Case::calls("a media type that is not served is refused", || {
        wordless(vec![
            post("$configmaps", PLAIN).header("content-type", "text/plain"),
            post("$configmaps", PLAIN).header("content-type", "application/xml"),
            post("$widgets", WIDGET).header("content-type", "text/plain"),
        ])
    }),
    Case::calls("an answer in a form that is not served is refused", || {
        wordless(vec![
            get("$configmaps").header("accept", "text/html"),
            get("$widgets").header("accept", "application/xml"),
            post("$configmaps", PLAIN).header("accept", "text/html"),
            get("$configmaps/a"),
        ])
    })
    .differs(Difference {
        why: "Empty details, which say nothing, are left out for all kinds alike.",
        answers: &[
            (1, "/body/details", ""),
            (3, "/body/details", ""),
        ],
    }),
    Case::calls("annotations of more than 256 KiB are refused", || {
        let big = "x".repeat(257 << 10);
        vec![post(
            "$configmaps",
            format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, annotations: {{k: {big}}}}}}}"),
        )]
    }),
    Case::calls("a POST to an object and to a kind that does not exist is refused", || {
        vec![
            post("$configmaps/a", PLAIN),
            post("/api/v1/namespaces/$ns/things", PLAIN),
            post("/apis/$shared/v1/namespaces/$ns/things", WIDGET),
        ]
    }),
];
