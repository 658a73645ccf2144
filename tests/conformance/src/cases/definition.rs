//! CustomResourceDefinitions: from their creation to the end of their API.

use super::objects::object;
use crate::call::{Call, delete, get, json_patch, merge_patch, post, put, wordless};
use crate::case::{Case, Difference};

const THINGS: &str = "/apis/$group/v1/namespaces/$ns/things";
const CONDITIONS: &[&str] = &["/status", "/metadata/finalizers", "/spec/names"];

/// A CRD for the kind `Thing`, with the schema of its `spec`.
fn definition(spec: &str) -> String {
    definition_with("Namespaced", &version("v1", true, spec, ""))
}

fn definition_with(scope: &str, versions: &str) -> String {
    let names = "names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}";
    let spec = format!("spec: {{group: $group, scope: {scope}, {names}, versions: [{versions}]}}");
    object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "things.$group", &spec)
}

fn version(name: &str, storage: bool, spec: &str, more: &str) -> String {
    let schema =
        format!("schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {spec}}}}}}}");
    format!("{{name: {name}, served: true, storage: {storage}, {schema}{more}}}")
}

fn thing(name: &str, rest: &str) -> String {
    object("$group/v1, kind: Thing", name, rest)
}

fn served() -> Call {
    get("/apis/$group/v1/things").until(200).quiet()
}

fn refused(specs: &[&str]) -> Vec<Call> {
    specs.iter().map(|spec| post("$crds", definition(spec))).collect()
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a definition comes back with defaults", || {
        vec![post("$crds", definition("{type: object}")).only(&[
            "/spec",
            "/status/storedVersions",
            "/metadata/generation",
            "/metadata/finalizers",
        ])]
    }),
    Case::calls("a definition is established and says so", || {
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            get("$crds/things.$group").until_value("/status/conditions/1/status", "True").only(CONDITIONS),
        ]
    }),
    Case::calls("an established kind is served and discovered", || {
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            get(THINGS),
            get("/apis/$group/v1").until(200),
            get("/apis/$group").until(200),
            get("$crds/things.$group").only(CONDITIONS),
        ]
    }),
    Case::calls("a name that is not plural and group is refused", || {
        let names = "names: {plural: things, kind: Thing}";
        let versions = version("v1", true, "{type: object}", "");
        let spec = format!("spec: {{group: $group, scope: Namespaced, {names}, versions: [{versions}]}}");
        vec![post("$crds", object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "other.$group", &spec))]
    }),
    Case::calls("a definition without what it needs is refused", || {
        vec![
            post("$crds", object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "things.$group", "")),
            post(
                "$crds",
                object(
                    "apiextensions.k8s.io/v1, kind: CustomResourceDefinition",
                    "things.$group",
                    "spec: {group: $group, scope: Sideways, names: {plural: Things, kind: ''}, versions: []}",
                ),
            ),
            post("$crds", definition_with("Namespaced", "{name: v1, served: true, storage: true}")),
            post("$crds", definition_with("Namespaced", &version("V1", true, "{type: object}", ""))),
        ]
    }),
    Case::calls("exactly one version is stored", || {
        let versions = |first: bool, second: bool| {
            definition_with(
                "Namespaced",
                &[version("v1", first, "{type: object}", ""), version("v2", second, "{type: object}", "")].join(", "),
            )
        };
        vec![post("$crds", versions(true, true)), post("$crds", versions(false, false))]
    })
    .differs(Difference {
        why: "A value in a message is shown as it was sent, not as a Go struct.",
        answers: &[
            (1, "/body/details/causes/0/message", r#""Invalid value: [{\"name\":\"v1\",\"schema\":{\"openAPIV3Schema\":{\"properties\":{\"spec\":{\"type\":\"object\"}},\"type\":\"object\"}},\"served\":true,\"storage\":true},{\"name\":\"v2\",\"schema\":{\"openAPIV3Schema\":{\"properties\":{\"spec\":{\"type\":\"object\"}},\"type\":\"object\"}},\"served\":true,\"storage\":true}]: must have exactly one version marked as storage version""#),
            (2, "/body/details/causes/0/message", r#""Invalid value: [{\"name\":\"v1\",\"schema\":{\"openAPIV3Schema\":{\"properties\":{\"spec\":{\"type\":\"object\"}},\"type\":\"object\"}},\"served\":true,\"storage\":false},{\"name\":\"v2\",\"schema\":{\"openAPIV3Schema\":{\"properties\":{\"spec\":{\"type\":\"object\"}},\"type\":\"object\"}},\"served\":true,\"storage\":false}]: must have exactly one version marked as storage version""#),
        ],
    }),
    Case::calls("a schema that is not structural is refused", || {
        refused(&[
            "{properties: {a: {type: string}}}",
            "{type: object, properties: {a: {}}}",
            "{type: object, properties: {a: {type: array}}}",
            "{type: object, properties: {a: {type: text}}}",
        ])
    }),
    Case::calls("structure within logic is refused", || {
        refused(&[
            "{type: object, properties: {a: {type: string}}, anyOf: [{properties: {b: {type: string}}}]}",
            "{type: object, allOf: [{type: object, description: no}]}",
            "{type: object, not: {default: {}}}",
        ])
    }),
    Case::calls("extensions that do not fit are refused", || {
        refused(&[
            "{type: object, properties: {a: {type: string, x-kubernetes-int-or-string: true}}}",
            "{type: object, properties: {a: {type: array, items: {type: string}, x-kubernetes-list-type: map}}}",
            "{type: object, properties: {a: {type: array, items: {type: object}, x-kubernetes-list-type: set}}}",
            "{type: object, properties: {a: {type: object, x-kubernetes-preserve-unknown-fields: false}}}",
            "{type: object, properties: {a: {type: string, x-kubernetes-embedded-resource: true}}}",
            "{type: object, properties: {a: {type: array, items: {type: string}, x-kubernetes-list-type: bag}}}",
        ])
    }),
    Case::calls("fields that a structural schema has not are refused", || {
        refused(&[
            "{type: object, properties: {a: {$ref: x}}}",
            "{type: object, properties: {a: {type: array, items: {type: string}, uniqueItems: true}}}",
            "{type: object, additionalProperties: false}",
            "{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
        ])
    }),
    Case::calls("a default that is not valid, or not pruned, is refused", || {
        refused(&[
            "{type: object, properties: {a: {type: integer, default: x}}}",
            "{type: object, default: {b: 1}, properties: {a: {type: string}}}",
            "{type: object, properties: {a: {type: string, default: null}}}",
            "{type: object, properties: {a: {type: string, minLength: 3, default: x}}}",
        ])
    }),
    Case::calls("a pattern or a rule that does not compile is refused", || {
        let rules = |rule: &str| {
            format!(
                "{{type: object, properties: {{a: {{type: string, maxLength: 5}}}}, x-kubernetes-validations: [{{rule: '{rule}'}}]}}"
            )
        };
        let mut calls = refused(&["{type: object, properties: {a: {type: string, pattern: '('}}}"]);
        calls.extend(["self.a ==", "self.b == 1", "self.a == 1", "1 + 1", "self.a.contains(old)"].map(|rule| {
            post("$crds", definition(&rules(rule))).only(&[
                "/code",
                "/reason",
                "/details/causes/0/field",
                "/details/causes/0/reason",
            ])
        }));
        calls
    }),
    Case::calls("a rule that may cost too much is refused", || {
        let spec = "{type: object, properties: {a: {type: array, items: {type: object, properties: {n: {type: string}}, x-kubernetes-validations: [{rule: 'self.n.contains(self.n)'}]}}}, x-kubernetes-validations: [{rule: 'self.a.all(x, self.a.all(y, x.n == y.n || x.n.startsWith(y.n)))'}]}";
        vec![post("$crds", definition(spec)).only(&["/code", "/reason", "/details/causes/0/field"])]
    })
    .differs(Difference {
        why: "What a rule may cost is not estimated when it is written: what it does cost is limited when it runs.",
        answers: &[
            (1, "/body/~1code", "null"),
            (1, "/body/~1details~1causes~10~1field", "null"),
            (1, "/body/~1reason", "null"),
            (1, "/status", "201"),
        ],
    }),
    Case::calls("a second definition of a kind's names is not accepted", || {
        let names = "names: {plural: others, singular: other, kind: Thing}";
        let versions = version("v1", true, "{type: object}", "");
        let spec = format!("spec: {{group: $group, scope: Namespaced, {names}, versions: [{versions}]}}");
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            post("$crds", object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "others.$group", &spec))
                .quiet(),
            get("$crds/others.$group")
                .until_value("/status/conditions/0/status", "False")
                .only(&["/status/conditions/0", "/status/acceptedNames"]),
        ]
    }),
    Case::calls("what names a definition does not change", || {
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            merge_patch("$crds/things.$group", "{spec: {group: other.example.com}}"),
            merge_patch("$crds/things.$group", "{spec: {scope: Cluster}}"),
            merge_patch("$crds/things.$group", "{spec: {names: {plural: others}}}"),
        ]
    }),
    Case::calls("a changed schema acts on the next write", || {
        let smaller = "[{op: replace, path: /spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/maximum, value: 1}]";
        vec![
            post("$crds", definition("{type: object, properties: {a: {type: integer, maximum: 5}}}")).quiet(),
            served(),
            post(THINGS, thing("a", "spec: {a: 3}")).quiet(),
            json_patch("$crds/things.$group", smaller).only(&["/metadata/generation"]),
            post(format!("{THINGS}?dryRun=All"), thing("b", "spec: {a: 3}")).until(422),
            get(format!("{THINGS}/a")).only(&["/spec"]),
        ]
    }),
    Case::calls("an object that a new schema would refuse can be changed elsewhere", || {
        let smaller = "[{op: replace, path: /spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/maximum, value: 1}]";
        vec![
            post(
                "$crds",
                definition("{type: object, properties: {a: {type: integer, maximum: 5}, b: {type: string}}}"),
            )
            .quiet(),
            served(),
            post(THINGS, thing("a", "spec: {a: 3}")).quiet(),
            json_patch("$crds/things.$group", smaller).quiet(),
            post(format!("{THINGS}?dryRun=All"), thing("b", "spec: {a: 3}")).until(422).quiet_any(),
            merge_patch(format!("{THINGS}/a"), "{spec: {b: x}}"),
            merge_patch(format!("{THINGS}/a"), "{spec: {a: 4}}"),
            merge_patch(format!("{THINGS}/a"), "{spec: {a: 1}}"),
            merge_patch(format!("{THINGS}/a"), "{spec: {a: 3}}"),
        ]
    }),
    Case::calls("an object is served in each version", || {
        let versions = [
            version("v1", true, "{type: object, properties: {a: {type: string}}}", ""),
            version("v2", false, "{type: object, properties: {a: {type: string}}}", ""),
        ]
        .join(", ");
        vec![
            post("$crds", definition_with("Namespaced", &versions)).quiet(),
            get("/apis/$group/v2/things").until(200).quiet(),
            served(),
            post(THINGS, thing("a", "spec: {a: x}")).quiet(),
            get(format!("{THINGS}/a")),
            get("/apis/$group/v2/namespaces/$ns/things/a").until(200),
            merge_patch("/apis/$group/v2/namespaces/$ns/things/a", "{spec: {a: y}}"),
            get("/apis/$group/v2/namespaces/$ns/things"),
            get("/apis/$group"),
        ]
    }),
    Case::calls("a version that is not served any more is not found", || {
        let versions =
            [version("v1", true, "{type: object}", ""), version("v2", false, "{type: object}", "")].join(", ");
        vec![
            post("$crds", definition_with("Namespaced", &versions)).quiet(),
            get("/apis/$group/v2/things").until(200).quiet(),
            served(),
            json_patch("$crds/things.$group", "[{op: replace, path: /spec/versions/1/served, value: false}]").quiet(),
            get("/apis/$group/v2/things").until(404),
            get("/apis/$group/v2/namespaces/$ns/things/none"),
            get("/apis/$group/v1/things").until(200),
        ]
    }),
    Case::calls("a deprecated version warns", || {
        let versions = version("v1", true, "{type: object}", ", deprecated: true, deprecationWarning: use another");
        vec![
            post("$crds", definition_with("Namespaced", &versions)).quiet(),
            served(),
            get(THINGS),
            post(THINGS, thing("a", "")),
        ]
    }),
    Case::calls("a cluster-scoped kind has no namespace", || {
        vec![
            post("$crds", definition_with("Cluster", &version("v1", true, "{type: object}", ""))).quiet(),
            served(),
            post("/apis/$group/v1/things", thing("a", "")),
            post("/apis/$group/v1/things", thing("b, namespace: $ns", "")),
            get("/apis/$group/v1/things/a"),
            get(THINGS),
            delete("/apis/$group/v1/things/a"),
        ]
    }),
    Case::calls("without subresources the status is a field like another", || {
        let versions = "{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}";
        vec![
            post("$crds", definition_with("Namespaced", versions)).quiet(),
            served(),
            post(THINGS, thing("a", "status: {x: y}")),
            merge_patch(format!("{THINGS}/a"), "{status: {x: z}}"),
            get(format!("{THINGS}/a/status")),
            get(format!("{THINGS}/a/scale")),
        ]
    }),
    Case::calls("a deleted definition takes its objects and its API with it", || {
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            post(THINGS, thing("a", "")).quiet(),
            delete("$crds/things.$group").only(&["/kind", "/metadata/finalizers"]),
            get("$crds/things.$group").until(404),
            get(THINGS).until(404),
            get("/apis/$group").until(404),
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            get(THINGS),
        ]
    }),
    Case::calls("a definition that is being deleted waits for its objects", || {
        vec![
            post("$crds", definition("{type: object}")).quiet(),
            served(),
            post(THINGS, thing("a, finalizers: [example.com/hold]", "")).quiet(),
            delete("$crds/things.$group").quiet(),
            post(THINGS, thing("b", "")).until(403),
            merge_patch(format!("{THINGS}/a"), "{metadata: {finalizers: null}}").only(&["/kind"]),
            get("$crds/things.$group").until(404),
        ]
    }),
    Case::calls(
        "a definition with an unknown conversion, or with a webhook that lacks its service, is refused",
        || {
            let with = |conversion: &str| {
                definition("{type: object}").replacen(
                    "spec: {group",
                    &format!("spec: {{conversion: {conversion}, group"),
                    1,
                )
            };
            vec![
                post("$crds", with("{strategy: Magic}")),
                post("$crds", with("{strategy: Webhook}")),
                post("$crds", with("{strategy: None}")).only(&["/spec/conversion"]),
            ]
        },
    )
    .differs(Difference {
        why: "This server calls no webhooks, so that no conversion by one is accepted.",
        answers: &[
            (2, "/body/details/causes/0/field", r#""spec.conversion.strategy""#),
            (2, "/body/details/causes/0/message", r#""Unsupported value: \"Webhook\": this server does not call conversion webhooks: supported values: \"None\"""#),
            (2, "/body/details/causes/0/reason", r#""FieldValueNotSupported""#),
            (2, "/body/details/causes/1", ""),
            (2, "/body/message", r#""CustomResourceDefinition.apiextensions.k8s.io \"things.x<id>.example.com\" is invalid: spec.conversion.strategy: Unsupported value: \"Webhook\": this server does not call conversion webhooks: supported values: \"None\"""#),
        ],
    }),
    Case::calls("printer columns and selectable fields that do not fit are refused", || {
        vec![
            post(
                "$crds",
                definition_with(
                    "Namespaced",
                    &version(
                        "v1",
                        true,
                        "{type: object}",
                        ", additionalPrinterColumns: [{name: A, type: thing, jsonPath: .spec}]",
                    ),
                ),
            ),
            post(
                "$crds",
                definition_with(
                    "Namespaced",
                    &version(
                        "v1",
                        true,
                        "{type: object}",
                        ", additionalPrinterColumns: [{name: '', type: string, jsonPath: '[[['}]",
                    ),
                ),
            ),
            post(
                "$crds",
                definition_with(
                    "Namespaced",
                    &version("v1", true, "{type: object}", ", selectableFields: [{jsonPath: .spec.none}]"),
                ),
            ),
        ]
    }),
    Case::steps("a definition is changed by PUT", |s| {
        Box::pin(async move {
            s.call(post("$crds", definition("{type: object}")).quiet()).await?;
            s.call(served()).await?;
            let mut object = s
                .call(get("$crds/things.$group").until_value("/status/conditions/1/status", "True").quiet())
                .await?
                .body;
            object["spec"]["names"]["shortNames"] = serde_json::json!(["tg"]);
            s.call(put("$crds/things.$group", object).only(&["/metadata/generation", "/spec/names"])).await?;
            s.call(get("$crds/things.$group").until_value("/status/acceptedNames/shortNames/0", "tg").only(CONDITIONS))
                .await
                .map(drop)
        })
    }),
    Case::calls("a definition of the group that Kubernetes keeps for itself needs an approval", || {
        wordless(vec![post("$crds", definition("{type: object}").replace("$group", "x$id.k8s.io")).only(&[
            "/code",
            "/reason",
            "/details/causes",
        ])])
    }),
];
