//! URLs (Kubernetes' library, on the Go package `net/url`).

use std::net::IpAddr;
use std::rc::Rc;

use super::address_text::any_address;
use super::url_encoding::{Part, decoded, encoded, encoded_path};
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::go_text::quoted;
use crate::value::{Opaque, Outcome, Value};

const READ: &str = "kubernetes.URL -> string";

/// Most parameters of a query; of one that has more none is seen.
const PARAMETERS: usize = 10_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("url", "string -> kubernetes.URL", |call| {
        let url = Url::parse(call.text(0)?).map_err(|why| {
            Fault::new(format!("URL parse error during conversion from string: {why}"))
        })?;
        Ok(Value::opaque(url))
    }),
    Function::global("isURL", "string -> bool", |call| {
        Ok(Value::Bool(request_uri_fault(call.text(0)?).is_none()))
    }),
    Function::member("getScheme", READ, |call| read(call, |url| &url.scheme)),
    Function::member("getHost", READ, |call| read(call, |url| &url.host)),
    Function::member("getHostname", READ, |call| read(call, |url| url.host_and_port().0)),
    Function::member("getPort", READ, |call| read(call, |url| url.host_and_port().1)),
    Function::member("getEscapedPath", READ, |call| read(call, |url| &url.path)),
    Function::member("getQuery", "kubernetes.URL -> map(string, list(string))", query),
];

/// A URL. Two are the same where they are written the same, which its parts tell.
#[derive(Debug, Default, PartialEq, Eq)]
struct Url {
    scheme: String,
    /// What follows the scheme where it is no path.
    opaque: String,
    user: Option<String>,
    host: String,
    path: String,
    query: Option<String>,
    fragment: String,
}

impl Opaque for Url {
    fn type_name(&self) -> &'static str {
        "kubernetes.URL"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast() == Some(self)
    }
}

/// What is wrong with a text that should be an absolute URI or an absolute path, as the first line of an HTTP request has
/// them; `None` where nothing is.
pub fn request_uri_fault(text: &str) -> Option<String> {
    Url::of(text, true).err().map(|why| format!("parse {}: {why}", quoted(text)))
}

impl Url {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(fault) = request_uri_fault(text) {
            return Err(fault);
        }
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let said = |text: &str, why| format!("parse {}: {why}", quoted(text));
        let url = Self::of(before, false).map_err(|why| said(before, why))?;
        let fragment = decoded(fragment, Part::Fragment).map_err(|why| said(text, why))?;
        Ok(Self { fragment: encoded(&fragment, Part::Fragment), ..url })
    }

    /// `request`: two slashes at the beginning do not announce a host.
    fn of(text: &str, request: bool) -> Result<Self, String> {
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text.is_empty() && request {
            return Err("empty url".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        let url = Self { scheme: scheme.to_ascii_lowercase(), query, ..Self::default() };
        if !rest.starts_with('/') && text != "*" {
            return if scheme.is_empty() && request {
                Err("invalid URI for request".to_owned())
            } else {
                Ok(Self { opaque: rest.to_owned(), ..url })
            };
        }
        let announced = !scheme.is_empty() || !request && !rest.starts_with("///");
        let Some(rest) = rest.strip_prefix("//").filter(|_| announced) else {
            return Ok(Self { path: encoded_path(rest)?, ..url });
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self { path: encoded_path(path)?, ..url.with_authority(authority)? })
    }

    fn with_authority(self, authority: &str) -> Result<Self, String> {
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let host = self::host(&self.scheme, host)?;
        Ok(Self { user: user.map(self::user).transpose()?, host, ..self })
    }

    /// Host without brackets, and port.
    fn host_and_port(&self) -> (&str, &str) {
        let colon = self.host.rfind(':').filter(|colon| is_port(&self.host[*colon..]));
        let (host, port) = match colon {
            Some(colon) => (&self.host[..colon], &self.host[colon + 1..]),
            None => (self.host.as_str(), ""),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (bare.unwrap_or(host), port)
    }
}

fn read<'a>(call: &Call<'_, 'a>, read: fn(&Url) -> &str) -> Outcome<'a> {
    Ok(Value::made(read(call.opaque(0)?)))
}

fn query<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let query = call.opaque::<Url>(0)?.query.as_deref().unwrap_or_default();
    call.budget.take_bytes(query.len())?;
    let parts: Vec<&str> = query.split('&').collect();
    let mut found: Vec<(String, Vec<Value<'a>>)> = Vec::new();
    for part in parts.iter().filter(|part| !part.contains(';') && parts.len() <= PARAMETERS) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (Some(key), Some(value)) = (query_text(key), query_text(value)) else { continue };
        if part.is_empty() {
            continue;
        }
        call.budget.take(found.len() as u64 / 8)?;
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(Value::made(value)),
            None => found.push((key, vec![Value::made(value)])),
        }
    }
    let entries = found.into_iter().map(|(key, values)| (Value::made(key), Value::list(values)));
    Ok(Value::Map(Rc::new(entries.collect())))
}

fn query_text(text: &str) -> Option<String> {
    decoded(text, Part::Query).ok().map(lossy)
}

/// Texts of the language are UTF-8.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Scheme and rest.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    let within = |at: usize, byte: u8| {
        byte.is_ascii_alphabetic()
            || at > 0 && (byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let end = text.bytes().enumerate().position(|(at, byte)| !within(at, byte));
    match end {
        Some(0) if text.starts_with(':') => Err("missing protocol scheme".to_owned()),
        Some(end) if text[end..].starts_with(':') => Ok((&text[..end], &text[end + 1..])),
        _ => Ok(("", text)),
    }
}

fn user(text: &str) -> Result<String, String> {
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(letter);
    if !text.chars().all(allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let parts = text.splitn(2, ':').map(|part| decoded(part, Part::User));
    let parts = parts.map(|part| part.map(|bytes| encoded(&bytes, Part::User)));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join(":"))
}

fn host(scheme: &str, text: &str) -> Result<String, String> {
    match text.rfind('[') {
        None => named_host(scheme, text),
        Some(0) => bracketed(text),
        Some(_) => Err("invalid IP-literal".to_owned()),
    }
}

/// Hosts of other schemes than HTTP may be lists of hosts, whose ports but the last are not looked at.
fn named_host(scheme: &str, text: &str) -> Result<String, String> {
    let colon = if matches!(scheme, "http" | "https") { text.find(':') } else { text.rfind(':') };
    check_port(&text[colon.unwrap_or(text.len())..])?;
    decoded(text, Part::Host).map(lossy)
}

/// An address of IPv6 in brackets (RFC 3986, 3.2.2), its zone after `%25` (RFC 6874), and a port.
fn bracketed(text: &str) -> Result<String, String> {
    let close = text.rfind(']').ok_or("missing ']' in host")?;
    let (inner, port) = (&text[1..close], &text[close + 1..]);
    check_port(port)?;
    let (address, zone) = inner.split_at(inner.find("%25").unwrap_or(inner.len()));
    let mut host = lossy(decoded(address, Part::Host)?);
    host.push_str(&lossy(decoded(zone, Part::Zone)?));
    match any_address(&host) {
        Ok(IpAddr::V6(_)) => Ok(format!("[{host}]{port}")),
        Ok(IpAddr::V4(_)) => Err("invalid IP-literal".to_owned()),
        Err(why) => Err(format!("invalid host: {why}")),
    }
}

fn check_port(text: &str) -> Result<(), String> {
    if is_port(text) { Ok(()) } else { Err(format!("invalid port {} after host", quoted(text))) }
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
        && (text.is_empty() || text.starts_with(':'))
}
