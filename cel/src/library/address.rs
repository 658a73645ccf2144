//! Addresses of IP (Kubernetes' library `net.ip`).

use std::net::IpAddr;

use super::address_text::address;
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Opaque, Outcome, Value};

const TEST: &str = "net.IP -> bool";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("ip", "string -> net.IP", |call| {
        Ok(Value::opaque(Address(parsed(call)?.map_err(Fault::new)?)))
    }),
    Function::global("isIP", "string -> bool", |call| Ok(Value::Bool(parsed(call)?.is_ok()))),
    Function::global("ip.isCanonical", "string -> bool", |call| {
        let address = parsed(call)?.map_err(Fault::new)?;
        Ok(Value::Bool(address.to_string() == call.text(0)?))
    }),
    Function::global("string", "net.IP -> string", |call| {
        Ok(Value::made(call.opaque::<Address>(0)?.0.to_string()))
    }),
    Function::member("family", "net.IP -> int", |call| {
        Ok(Value::Int(if call.opaque::<Address>(0)?.0.is_ipv4() { 4 } else { 6 }))
    }),
    Function::member("isUnspecified", TEST, |call| test(call, IpAddr::is_unspecified)),
    Function::member("isLoopback", TEST, |call| test(call, IpAddr::is_loopback)),
    Function::member("isLinkLocalMulticast", TEST, |call| test(call, is_link_local_multicast)),
    Function::member("isLinkLocalUnicast", TEST, |call| test(call, is_link_local_unicast)),
    Function::member("isGlobalUnicast", TEST, |call| test(call, is_global_unicast)),
];

/// An address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) IpAddr);

impl Opaque for Address {
    fn type_name(&self) -> &'static str {
        "net.IP"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast() == Some(self)
    }
}

/// The outer fault is one of types, the inner one of the text.
fn parsed(call: &Call<'_, '_>) -> Result<Result<IpAddr, String>, Fault> {
    call.text(0).map(address)
}

fn test<'a>(call: &Call<'_, 'a>, test: fn(&IpAddr) -> bool) -> Outcome<'a> {
    Ok(Value::Bool(test(&call.opaque::<Address>(0)?.0)))
}

fn is_link_local_multicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local_unicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Private addresses are global too.
fn is_global_unicast(address: &IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !broadcast
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !is_link_local_unicast(address)
}
