//! The static configuration of an Envoy that has mutual TLS with one peer.

use anyhow::Result;
use serde_json::{Value, json};

use crate::ports;

/// What one Envoy listens on, on loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) admin: u16,
    /// Mutual TLS; each request is answered by `200`.
    pub(crate) inbound: u16,
    /// Plain HTTP; each request goes to the peer on a new connection of mutual TLS.
    pub(crate) outbound: u16,
}

impl Ports {
    pub(crate) fn free() -> Result<Self> {
        Ok(Self { admin: ports::free()?, inbound: ports::free()?, outbound: ports::free()? })
    }
}

pub(crate) struct Configuration<'a> {
    pub(crate) name: &'a str,
    pub(crate) ports: Ports,
    /// The peer's inbound port.
    pub(crate) peer: u16,
    /// For both ways, an `envoy.extensions.transport_sockets.tls.v3.CommonTlsContext`.
    pub(crate) tls: Value,
    /// The socket of who gives secrets to it, where they are not in files.
    pub(crate) secrets: Option<&'a str>,
}

impl Configuration<'_> {
    /// An `envoy.config.bootstrap.v3.Bootstrap`.
    pub(crate) fn to_json(&self) -> Value {
        let secrets = self.secrets.map(agent);
        let clusters: Vec<_> = std::iter::once(self.peer()).chain(secrets).collect();
        json!({
            "node": { "id": self.name, "cluster": self.name },
            "admin": { "address": loopback(self.ports.admin) },
            "static_resources": {
                "listeners": [self.inbound(), self.outbound()],
                "clusters": clusters,
            },
        })
    }

    fn inbound(&self) -> Value {
        let answer = json!({ "status": 200, "body": { "inline_string": "taken\n" } });
        let mut listener = listener("inbound", self.ports.inbound, "direct_response", &answer);
        let context = json!({
            "@type": typed("transport_sockets.tls", "DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": self.tls,
        });
        listener["filter_chains"][0]["transport_socket"] = tls(&context);
        listener
    }

    fn outbound(&self) -> Value {
        let to_peer = json!({ "cluster": "peer" });
        let mut listener = listener("outbound", self.ports.outbound, "route", &to_peer);
        // By itself Envoy does not say why a peer was refused.
        let why = "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %LOCAL_REPLY_BODY%";
        let format = json!({ "text_format_source": { "inline_string": why } });
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["local_reply_config"] = json!({ "body_format": format });
        listener
    }

    fn peer(&self) -> Value {
        let mut tls_context = self.tls.clone();
        // As Istio has it; by itself Envoy ends at 1.2 as a client.
        tls_context["tls_params"] = json!({ "tls_maximum_protocol_version": "TLSv1_3" });
        // A resumed session would be taken by what was verified before.
        let context = json!({
            "@type": typed("transport_sockets.tls", "UpstreamTlsContext"),
            "max_session_keys": 0,
            "common_tls_context": tls_context,
        });
        let one_request = json!({
            "common_http_protocol_options": { "max_requests_per_connection": 1 },
            "explicit_http_config": { "http_protocol_options": {} },
        });
        let mut cluster = cluster("peer", &loopback(self.peer), one_request);
        cluster["transport_socket"] = tls(&context);
        cluster
    }
}

/// The `envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig` of a secret that comes over that socket.
pub(crate) fn secret(name: &str) -> Value {
    json!({
        "name": name,
        "sds_config": {
            "resource_api_version": "V3",
            // Without its secrets it is not ready.
            "initial_fetch_timeout": "0s",
            "api_config_source": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{ "envoy_grpc": { "cluster_name": SECRETS } }],
            },
        },
    })
}

/// The cluster that secrets come from.
const SECRETS: &str = "sds-grpc";

fn agent(socket: &str) -> Value {
    let http2 = json!({ "explicit_http_config": { "http2_protocol_options": {} } });
    cluster(SECRETS, &json!({ "pipe": { "path": socket } }), http2)
}

/// A cluster of one endpoint. `options` is an `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.
fn cluster(name: &str, address: &Value, mut options: Value) -> Value {
    options["@type"] = typed("upstreams.http", "HttpProtocolOptions").into();
    let endpoint = json!({ "endpoint": { "address": address } });
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [endpoint] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
        },
    })
}

/// A listener that does one thing with each request.
fn listener(name: &str, port: u16, action: &str, how: &Value) -> Value {
    let route = json!({ "match": { "prefix": "/" }, action: how });
    let host = json!({ "name": name, "domains": ["*"], "routes": [route] });
    let router = json!({ "@type": typed("filters.http.router", "Router") });
    let manager = json!({
        "@type": typed("filters.network.http_connection_manager", "HttpConnectionManager"),
        "stat_prefix": name,
        "route_config": { "virtual_hosts": [host] },
        "http_filters": [{ "name": "router", "typed_config": router }],
    });
    json!({
        "name": name,
        "stat_prefix": name,
        "address": loopback(port),
        // A port that somebody else has is an error, and not shared.
        "enable_reuse_port": false,
        "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
    })
}

fn tls(context: &Value) -> Value {
    json!({ "name": "tls", "typed_config": context })
}

fn loopback(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn typed(package: &str, message: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{package}.v3.{message}")
}
