//! Once all is done, nothing is written but heartbeats.

use std::time::Duration;

use anyhow::Result;
use kube::Client;

use crate::account::{Cost, Reading, Watched};

/// What happens at one API server within so many seconds when there is nothing to do.
pub(crate) async fn watch(api: &Client, processes: &[Watched], seconds: u64) -> Result<Cost> {
    // Sums are gathered for half a second, a mesh that was just written is looked at again after two.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = Reading::take(api, processes).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = Reading::take(api, processes).await?;
    Ok(before.until(&after))
}
