//! Blocks of IP addresses (Kubernetes' library `net.cidr`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::Address;
use super::address_text::{address, block};
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Opaque, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("cidr", "string -> net.CIDR", |call| {
        Ok(Value::opaque(Block::parse(call.text(0)?).map_err(Fault::new)?))
    }),
    Function::global("isCIDR", "string -> bool", |call| {
        Ok(Value::Bool(block(call.text(0)?).is_ok()))
    }),
    Function::global("string", "net.CIDR -> string", |call| {
        Ok(Value::made(call.opaque::<Block>(0)?.to_string()))
    }),
    Function::member("containsIP", "net.CIDR, string -> bool; net.CIDR, net.IP -> bool", |call| {
        Ok(Value::Bool(call.opaque::<Block>(0)?.contains(operand_address(call)?)))
    }),
    Function::member(
        "containsCIDR",
        "net.CIDR, string -> bool; net.CIDR, net.CIDR -> bool",
        |call| {
            let (block, inner) = (call.opaque::<Block>(0)?, operand_block(call)?);
            let within = block.length <= inner.length && block.contains(inner.address);
            Ok(Value::Bool(within))
        },
    ),
    Function::member("ip", "net.CIDR -> net.IP", |call| {
        Ok(Value::opaque(Address(call.opaque::<Block>(0)?.address)))
    }),
    Function::member("prefixLength", "net.CIDR -> int", |call| {
        Ok(Value::Int(call.opaque::<Block>(0)?.length.into()))
    }),
    Function::member("masked", "net.CIDR -> net.CIDR", |call| {
        Ok(Value::opaque(call.opaque::<Block>(0)?.masked()))
    }),
];

/// An address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    length: u8,
}

impl Opaque for Block {
    fn type_name(&self) -> &'static str {
        "net.CIDR"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast() == Some(self)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

impl Block {
    fn parse(text: &str) -> Result<Self, String> {
        block(text).map(|(address, length)| Self { address, length })
    }

    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && self.network(address) == self.network(self.address)
    }

    fn masked(&self) -> Self {
        Self { address: self.network(self.address), ..*self }
    }

    /// The address with all bits after the prefix cleared.
    fn network(&self, address: IpAddr) -> IpAddr {
        let length = u32::from(self.length);
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}

fn operand_address(call: &Call<'_, '_>) -> Result<IpAddr, Fault> {
    match call.text(1) {
        Ok(text) => address(text).map_err(|_| Fault::overload()),
        Err(_) => Ok(call.opaque::<Address>(1)?.0),
    }
}

fn operand_block(call: &Call<'_, '_>) -> Result<Block, Fault> {
    match call.text(1) {
        Ok(text) => Block::parse(text).map_err(Fault::new),
        Err(_) => call.opaque::<Block>(1).copied(),
    }
}
