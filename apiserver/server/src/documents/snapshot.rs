//! GET on [`PATH`]: the whole state as one file, for a backup while the server goes on.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use apiserver_object::User;
use apiserver_store::Store;
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::answer::Answer;
use crate::api::Api;
use crate::failure::Failure;
use crate::object::identifiers;

/// Where the snapshot is. No path of kube-apiserver: RBAC allows it to who may GET any path, that is to administrators.
pub const PATH: &str = "/snapshot";

const FRAME_BYTES: usize = 64 * 1024;

/// Names of unfinished snapshots begin so.
const PREFIX: &str = "snapshot-";

pub(crate) async fn answer(api: &Api, user: &User) -> Result<Answer, Failure> {
    // It holds every key: a rule for all paths is not enough.
    if !user.is_master() {
        return Err(Failure::forbidden("a snapshot is for the group system:masters only", None));
    }
    let alone = api.limits.snapshot.clone().try_lock_owned();
    let alone = alone.map_err(|_| {
        Failure::unavailable("another snapshot is being taken: try again when it is done")
    })?;
    let (store, path) = (api.objects.store.clone(), place(api));
    // To its end though the client goes away: no file with all keys is left behind.
    let taking = tokio::spawn(async move {
        let _alone = alone;
        take(&store, &path).await
    });
    let file = taking.await.map_err(|error| error.to_string()).and_then(|taken| taken);
    let file =
        file.map_err(|error| Failure::internal(format!("taking a snapshot failed: {error}")))?;
    Ok(streamed(file))
}

/// Writes a snapshot and opens it; its name is gone then, and its bytes go when it is closed.
async fn take(store: &Store, path: &Path) -> Result<File, String> {
    store.snapshot_to(path).await.map_err(|error| error.to_string())?;
    let file = File::open(path).await;
    tokio::fs::remove_file(path).await.map_err(|error| error.to_string())?;
    file.map_err(|error| error.to_string())
}

/// Removes what a crash has left of a snapshot.
pub(crate) fn clean_up(data: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn streamed(file: File) -> Answer {
    let frames = futures::stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut buffer = vec![0; FRAME_BYTES];
        match file.read(&mut buffer).await {
            Ok(0) => None,
            Ok(length) => {
                buffer.truncate(length);
                Some((Ok::<_, Infallible>(Frame::data(Bytes::from(buffer))), Some(file)))
            }
            Err(error) => {
                // The client sees a short file and refuses it when it checks what it got.
                tracing::error!(%error, "a snapshot could not be read to its end");
                None
            }
        }
    });
    Answer::streaming(
        StatusCode::OK,
        "application/octet-stream",
        StreamBody::new(frames).boxed_unsync(),
    )
}

/// Beside the state, where there is room for it and nobody else may look.
fn place(api: &Api) -> PathBuf {
    let directory = api.data.clone().unwrap_or_else(std::env::temp_dir);
    directory.join(format!("{PREFIX}{}", identifiers::new_uid()))
}
