//! Mutual TLS between two workloads: do they trust each other?
//!
//! Two implementations answer: rustls, which the mesh proxies written in Rust use, and OpenSSL.

mod openssl;
mod rustls;

pub use self::openssl::handshake as openssl_handshake;
pub use self::rustls::handshake;
