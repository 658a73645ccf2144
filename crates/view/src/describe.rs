//! Everything about one object, and what happened to it.

pub mod approval;
mod difference;
pub mod events;
pub mod mesh;
pub mod request;
pub mod virtual_mesh;
