//! How much memory a cluster can take: the largest objects that definitions and policies let an agent write, as many as
//! its quota lets it have.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

use crate::{CLUSTER_LIMITS, crds};

/// A character of text takes at most so many bytes of JSON: `\u0001`.
const CHARACTER: i64 = 6;
/// The longest name of Kubernetes, with its prefix.
const KEY: i64 = 253 + 1 + 63;

fn number(limit: Option<i64>, place: &str) -> i64 {
    limit.unwrap_or_else(|| panic!("{place} has no limit"))
}

/// The most bytes that a value of this schema takes as JSON.
fn largest(schema: &JSONSchemaProps, place: &str) -> i64 {
    let all = schema.properties.iter().flatten();
    let fields: i64 = all
        .map(|(name, field)| {
            i64::try_from(name.len()).unwrap() + 4 + largest(field, &format!("{place}.{name}"))
        })
        .sum();
    let words =
        schema.enum_.iter().flatten().map(|word| i64::try_from(word.0.to_string().len()).unwrap());
    match schema.type_.as_deref() {
        Some("string") => match (words.max(), schema.format.as_deref(), &schema.pattern) {
            (Some(longest), ..) => longest,
            (_, Some("date-time"), _) => 64,
            // A pattern of base64 or hexadecimal digits.
            (_, _, Some(_)) => number(schema.max_length, place) + 2,
            // A rule for hosts or trust domains, which have no character that JSON escapes.
            _ if schema.x_kubernetes_validations.is_some() => number(schema.max_length, place) + 2,
            _ => number(schema.max_length, place) * CHARACTER + 2,
        },
        Some("array") => match schema.items.as_ref() {
            Some(JSONSchemaPropsOrArray::Schema(item)) => {
                2 + number(schema.max_items, place) * (1 + largest(item, place))
            }
            _ => panic!("{place} is a list of anything"),
        },
        Some("object") => {
            let open = schema.additional_properties.is_some()
                || schema.x_kubernetes_preserve_unknown_fields == Some(true);
            assert!(!open, "{place} takes any field");
            2 + fields
        }
        _ => 32,
    }
}

/// Metadata within the policy for agents, `managedFields` apart.
fn largest_metadata() -> i64 {
    let annotations = 16 * (KEY + 512 * CHARACTER + 8);
    let labels = 32 * (KEY + 63 + 8);
    let (finalizers, owners) = (4 * (KEY + 4), 2 * 4 * (253 * CHARACTER + 32));
    annotations + labels + finalizers + owners + 2_000
}

/// What an agent writes of an object of this definition.
fn largest_written(name: &str) -> i64 {
    let definition = crds().into_iter().find(|one| one.metadata.name.as_deref() == Some(name));
    let version = definition.unwrap().spec.versions.remove(0);
    let root = version.schema.unwrap().open_api_v3_schema.unwrap();
    largest_metadata() + largest(&root.properties.unwrap()["spec"], "spec")
}

fn limit(name: &str) -> i64 {
    let (_, most) =
        CLUSTER_LIMITS.iter().find(|(counted, _)| *counted == format!("count/{name}")).unwrap();
    i64::try_from(*most).unwrap()
}

/// The figures are those of `docs/operations.md`.
#[test]
fn all_that_an_agent_may_write_fits_into_135_megabytes() {
    let requests = "virtualmeshcertificatesigningrequests.security.zephyr.solo.io";
    let [mesh, request] = ["meshes.discovery.zephyr.solo.io", requests].map(|name| {
        let (one, most) = (largest_written(name), limit(name));
        println!("{name}: {one} bytes × {most} = {} MB", one * most / 1_000_000);
        (one, one * most)
    });
    assert!(mesh.0 <= 265_000 && request.0 <= 265_000, "{mesh:?} {request:?}");
    assert!(mesh.1 + request.1 <= 135_000_000, "{mesh:?} {request:?}");
}
