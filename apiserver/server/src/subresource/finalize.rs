//! The finalizers of a Namespace.

use serde_json::json;

use super::parsed;
use crate::answer::Answer;
use crate::call::Call;
use crate::decode::agreement;
use crate::failure::Failure;

/// PUT on `finalize`: a Namespace with the finalizers of its spec, and all else but the status.
pub(super) async fn update(call: &Call<'_>, bytes: &[u8]) -> Result<Answer, Failure> {
    let asked = parsed(call, bytes)?;
    let mut change = call.change();
    let mut object = call.decoded(bytes, &mut change)?;
    agreement::same_name(&object, &call.path.name)?;
    // Defaults would put the finalizer back.
    match asked.pointer("/spec/finalizers") {
        Some(finalizers) if finalizers.as_array().is_some_and(|list| !list.is_empty()) => {
            object["spec"]["finalizers"] = finalizers.clone();
        }
        _ => object["spec"] = json!({}),
    }
    let outcome = change.update(object).await?;
    call.outcome(&outcome)
}
