//! The static configuration of an Envoy that has mutual TLS with one peer.

use anyhow::Result;
use serde_json::{Value, json};

use crate::ports;

/// What one Envoy listens on, on loopback.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) admin: u16,
    /// Mutual TLS; each request is answered by `200`.
    pub(super) inbound: u16,
    /// Plain HTTP; each request goes to the peer on a new connection of mutual TLS.
    pub(super) outbound: u16,
}

impl Ports {
    pub(super) fn free() -> Result<Self> {
        Ok(Self { admin: ports::free()?, inbound: ports::free()?, outbound: ports::free()? })
    }
}

pub(super) struct Configuration<'a> {
    pub(super) ports: Ports,
    /// The peer's inbound port.
    pub(super) peer: u16,
    /// Each an `envoy.extensions.transport_sockets.tls.v3.CommonTlsContext`.
    pub(super) inbound_tls: &'a Value,
    pub(super) outbound_tls: &'a Value,
}

impl Configuration<'_> {
    /// An `envoy.config.bootstrap.v3.Bootstrap`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "admin": { "address": loopback(self.ports.admin) },
            "static_resources": {
                "listeners": [self.inbound(), self.outbound()],
                "clusters": [self.peer()],
            },
        })
    }

    fn inbound(&self) -> Value {
        let answer = json!({ "status": 200, "body": { "inline_string": "taken\n" } });
        let mut listener = listener("inbound", self.ports.inbound, "direct_response", &answer);
        let context = json!({
            "@type": typed("transport_sockets.tls", "DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": self.inbound_tls,
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
        let endpoint = json!({ "endpoint": { "address": loopback(self.peer) } });
        // A resumed session would be taken by what was verified before.
        let context = json!({
            "@type": typed("transport_sockets.tls", "UpstreamTlsContext"),
            "max_session_keys": 0,
            "common_tls_context": self.outbound_tls,
        });
        let one_request = json!({
            "@type": typed("upstreams.http", "HttpProtocolOptions"),
            "common_http_protocol_options": { "max_requests_per_connection": 1 },
            "explicit_http_config": { "http_protocol_options": {} },
        });
        json!({
            "name": "peer",
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": "peer",
                "endpoints": [{ "lb_endpoints": [endpoint] }],
            },
            "transport_socket": tls(&context),
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": one_request,
            },
        })
    }
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
