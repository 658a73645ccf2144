//! One controller a file: gather a snapshot, let `meshroot-core` decide, make one write.

pub(crate) mod member;
pub(crate) mod request;
pub(crate) mod virtual_mesh;
