//! One controller a file: gather, let `meshroot-core` decide, make one write.

pub(crate) mod discovery;
pub(crate) mod mesh;
mod renew;
pub(crate) mod request;
