//! Paths that are no resources: health, version, discovery, OpenAPI.

use std::fmt::Write as _;
use std::sync::Arc;

use apiserver_kinds::{self as kinds, Kind};
use http::header::{HOST, IF_NONE_MATCH};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::answer::{Accepted, Answer, Form};
use crate::api::Api;
use crate::encode;
use crate::request::Asked;
use crate::status::Failure;

pub(crate) fn answer(api: &Api, parts: &Parts, asked: &Asked) -> Result<Answer, Failure> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(Failure::method_not_allowed());
    }
    let path: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        [check @ ("healthz" | "readyz" | "livez")] => return Ok(health(check, parts)),
        ["healthz" | "readyz" | "livez", "ping"] => return Ok(Answer::text(StatusCode::OK, "ok")),
        ["metrics"] => return Ok(metrics(api)),
        // kubectl reads version 2 where version 3 does not know a kind, and takes an empty document for "nothing known".
        ["openapi", "v2"] => {
            let answer = Answer::text(StatusCode::OK, "");
            return Ok(answer
                .with_content_type("application/com.github.proto-openapi.spec.v2.v1.0+protobuf"));
        }
        ["version"] => {
            let accepted = Accepted { form: Form::Object, yaml: false };
            return Ok(Answer::value(StatusCode::OK, accepted, &kinds::version()));
        }
        [".well-known", "openid-configuration"] => return Ok(issuer(api)),
        ["openid", "v1", "jwks"] => return Ok(keys(api)),
        _ => {}
    }
    let served = api.kinds();
    let accepted =
        Accepted::read(&parts.headers).unwrap_or(Accepted { form: Form::Object, yaml: false });
    let aggregated = accepted.form == Form::Discovery;
    if aggregated && let ["api" | "apis"] = path.as_slice() {
        let document = kinds::aggregated(&served, path == ["api"]);
        let answer = tagged(parts, &document.value, document.etag);
        return Ok(answer.with_content_type(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        ));
    }
    let document = match path.as_slice() {
        ["api"] => Some(kinds::api_versions(host(parts))),
        ["apis"] => Some(kinds::groups(&served)),
        ["apis", group] => kinds::group(&served, group),
        ["api", version] => kinds::resources(&served, "", version),
        ["apis", group, version] => kinds::resources(&served, group, version),
        ["openapi", "v3"] => {
            let index = encode::json(&kinds::openapi_index(&served));
            return Ok(Answer::encoded(StatusCode::OK, index)
                .with_content_type("text/plain; charset=utf-8"));
        }
        ["openapi", "v3", "api", version] => return Ok(openapi(parts, &served, "", version)),
        ["openapi", "v3", "apis", group, version] => {
            return Ok(openapi(parts, &served, group, version));
        }
        _ => None,
    };
    if document.is_none() && matches!(path.as_slice(), ["api", _]) {
        return Err(Failure::no_such_resource());
    }
    Ok(document
        .map_or_else(unknown, |document| Answer::encoded(StatusCode::OK, encode::json(&document))))
}

/// There is one check: that the server answers. What it cannot store, it says to who writes.
fn health(check: &str, parts: &Parts) -> Answer {
    let verbose = parts
        .uri
        .query()
        .is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let text =
        if verbose { format!("[+]ping ok\n{check} check passed\n") } else { "ok".to_owned() };
    Answer::text(StatusCode::OK, text)
}

/// For Prometheus, in its text format.
fn metrics(api: &Api) -> Answer {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let objects: Vec<(String, u64)> = api
        .store
        .collections()
        .into_iter()
        .filter(|(collection, _)| collection.contains('/'))
        .map(|(collection, count)| (format!("{{resource=\"{collection}\"}}"), count as u64))
        .collect();
    gauge("apiserver_storage_objects", "Objects stored, by group and resource.", &objects);
    gauge(
        "apiserver_storage_revision",
        "Newest revision.",
        &[(String::new(), api.store.revision())],
    );
    let [requests, watches] = [&api.slots, &api.watches].map(|shares| shares.held() as u64);
    gauge(
        "apiserver_current_inflight_requests",
        "Requests that are being answered.",
        &[(String::new(), requests)],
    );
    gauge("apiserver_longrunning_requests", "Watches that are open.", &[(String::new(), watches)]);
    Answer::text(StatusCode::OK, text)
}

fn unknown() -> Answer {
    Answer::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn openapi(parts: &Parts, served: &[Arc<Kind>], group: &str, version: &str) -> Answer {
    let document = kinds::openapi_document(served, group, version);
    document.map_or_else(unknown, |document| {
        tagged(parts, &document, kinds::openapi_hash(served, group, version))
    })
}

/// A document, unless the client has it.
fn tagged(parts: &Parts, document: &Value, etag: String) -> Answer {
    let etag = if etag.starts_with('"') { etag } else { format!("\"{etag}\"") };
    if parts.headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Answer::text(StatusCode::NOT_MODIFIED, "").with_etag(etag);
    }
    Answer::encoded(StatusCode::OK, encode::json(document)).with_etag(etag)
}

fn host(parts: &Parts) -> &str {
    let named = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost")
}

/// OpenID Connect discovery of ServiceAccount tokens.
fn issuer(api: &Api) -> Answer {
    let tokens = &api.authentication.service_accounts;
    let document = serde_json::json!({
        "issuer": tokens.issuer(),
        "jwks_uri": format!("{}/openid/v1/jwks", tokens.issuer()),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Answer::encoded(StatusCode::OK, encode::json(&document))
}

fn keys(api: &Api) -> Answer {
    let answer = Answer::encoded(
        StatusCode::OK,
        encode::json(&api.authentication.service_accounts.key_set()),
    );
    answer.with_content_type("application/jwk-set+json")
}
