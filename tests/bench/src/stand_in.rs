//! Control planes for hundreds of meshes: each a port that answers as istiod's metrics do (Istio 1.31).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Namespace of a control plane → end of the certificate that it has loaded, in seconds since the epoch.
pub(crate) type Loaded = Arc<Mutex<HashMap<String, i64>>>;

/// Ports of control planes that load whatever is written for them.
pub(crate) struct StandIns {
    serving: JoinSet<()>,
    pub(crate) loaded: Loaded,
}

impl StandIns {
    pub(crate) fn new() -> Self {
        Self { serving: JoinSet::new(), loaded: Loaded::default() }
    }

    /// Serves the metrics of the control plane in `namespace`; its address.
    pub(crate) async fn serve(&mut self, namespace: &str) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (loaded, namespace) = (Arc::clone(&self.loaded), namespace.to_owned());
        self.serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let end =
                    loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&namespace).copied();
                // A client that went away has no answer to miss.
                let _ = answer(stream, end).await;
            }
        });
        Ok(address)
    }
}

async fn answer(mut stream: TcpStream, end: Option<i64>) -> Result<()> {
    let mut head = [0_u8; 2048];
    let _ = stream.read(&mut head).await?;
    let body = end.map_or_else(String::new, |end| {
        format!("citadel_server_cert_chain_expiry_timestamp {end}\n")
    });
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}
