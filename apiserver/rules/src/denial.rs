//! What a policy denies.

/// One denial of a request by a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The policy.
    pub policy: String,
    /// The binding that puts it in force; empty until [`Denial::bound`] names it.
    pub binding: String,
    /// Why, in the words of the policy alone. After [`Denial::bound`] it is the text that the real server puts into
    /// the Status: `ValidatingAdmissionPolicy 'P' with binding 'B' denied request: WHY`.
    pub message: String,
    /// `reason` of the Status: Invalid, Forbidden, Unauthorized or RequestEntityTooLarge.
    pub reason: String,
    /// HTTP status: 422, 403, 401 or 413.
    pub code: u16,
}

impl Denial {
    pub(crate) fn new(policy: &str, message: String, reason: Option<&str>) -> Self {
        let reason = reason.unwrap_or("Invalid");
        let code = match reason {
            "Forbidden" => 403,
            "Unauthorized" => 401,
            "RequestEntityTooLarge" => 413,
            _ => 422,
        };
        Self {
            policy: policy.to_owned(),
            binding: String::new(),
            message,
            reason: reason.to_owned(),
            code,
        }
    }

    /// The denial as the server tells it for a binding.
    ///
    /// The real server wraps the text once more in the Status message, `RESOURCE.GROUP "NAME" is forbidden: TEXT`, and
    /// puts the bare text into `details.causes[0].message`.
    #[must_use]
    pub fn bound(mut self, binding: &str) -> Self {
        binding.clone_into(&mut self.binding);
        self.message = format!(
            "ValidatingAdmissionPolicy '{}' with binding '{binding}' denied request: {}",
            self.policy, self.message
        );
        self
    }

    /// The warning that the server sends for a binding that warns.
    pub fn warning(&self, binding: &str) -> String {
        format!(
            "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{binding}': {}",
            self.policy, self.message
        )
    }
}
