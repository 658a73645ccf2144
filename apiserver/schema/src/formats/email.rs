//! Addresses of mail (RFC 5322), with or without a display name. Comments and groups are not known.

/// `local@domain`, or `name <local@domain>`.
pub(super) fn is_address(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let Some(before) = text.strip_suffix('>') else { return is_plain(text) };
    let Some((name, address)) = before.rsplit_once('<') else { return false };
    is_plain(address) && is_display_name(name.trim_matches([' ', '\t']))
}

fn is_plain(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    (is_dotted_atom(local) || is_quoted(local)) && (is_dotted_atom(domain) || is_literal(domain))
}

fn is_display_name(name: &str) -> bool {
    is_quoted(name)
        || name
            .split([' ', '\t'])
            .all(|word| word.chars().all(|character| is_atom(character) || character == '.'))
}

fn is_dotted_atom(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_atom(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || !character.is_ascii()
        || "!#$%&'*+-/=?^_`{|}~".contains(character)
}

fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut escaped = false;
    for character in inner.chars() {
        if !escaped && character == '"' || character.is_ascii_control() && character != '\t' {
            return false;
        }
        escaped = !escaped && character == '\\';
    }
    !escaped
}

fn is_literal(domain: &str) -> bool {
    let inner = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok())
}
