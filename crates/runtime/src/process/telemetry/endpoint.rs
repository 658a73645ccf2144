//! The HTTP endpoint for kubelet and Prometheus.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Telemetry;
use super::health::Report;
use crate::process::shutdown::Shutdown;

pub(super) async fn serve(
    telemetry: Telemetry,
    listen: SocketAddr,
    shutdown: Shutdown,
) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let pages = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(telemetry);
    let serving = tokio::spawn(async move {
        // Dropped rather than drained at the shutdown: a scraper's open connection must not hold the process.
        tokio::select! {
            served = axum::serve(listener, pages).into_future() => if let Err(error) = served {
                tracing::error!(%error, "the telemetry endpoint ended");
            },
            () = shutdown.wait() => {}
        }
    });
    Ok((address, serving))
}

async fn healthz(State(telemetry): State<Telemetry>) -> Response {
    answer(telemetry.checks.alive())
}

async fn readyz(State(telemetry): State<Telemetry>) -> Response {
    answer(telemetry.checks.ready())
}

async fn metrics(State(telemetry): State<Telemetry>) -> Response {
    match telemetry.metrics() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn answer(report: Report) -> Response {
    let status = if report.passed { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, report.text).into_response()
}

/// OpenMetrics 1.0, section "Protocol Negotiation".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
