//! Where in an object a value is, kept on the stack and written out when something is wrong.

use std::fmt;

/// A place in an object, as a chain to its root.
#[derive(Clone, Copy, Debug)]
pub enum Path<'a> {
    /// The object itself.
    Root,
    /// A declared property: `spec.name`, at the root `spec`.
    Property(&'a Path<'a>, &'a str),
    /// A key of a map: `labels.app`, at the root `.app`.
    Key(&'a Path<'a>, &'a str),
    /// A key of a map in brackets: `labels[app]`.
    Bracket(&'a Path<'a>, &'a str),
    /// An entry of a list: `list[0]`.
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// Whether this is the whole object.
    pub const fn is_root(&self) -> bool {
        matches!(self, Self::Root)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Property(Path::Root, name) => formatter.write_str(name),
            Self::Property(parent, name) | Self::Key(parent, name) => {
                write!(formatter, "{parent}.{name}")
            }
            Self::Bracket(parent, name) => write!(formatter, "{parent}[{name}]"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// A field below a prefix: `.` between them unless one is empty; `<nil>` where both are.
pub fn field(prefix: &str, name: &str) -> String {
    let name = name.strip_prefix('.').unwrap_or(name);
    match (prefix.is_empty(), name.is_empty()) {
        (true, true) => "<nil>".to_owned(),
        (true, false) => name.to_owned(),
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{prefix}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_kubernetes_writes_them() {
        let spec = Path::Property(&Path::Root, "spec");
        let list = Path::Property(&spec, "list");
        let entry = Path::Index(&list, 2);
        assert_eq!(Path::Key(&entry, "a/b").to_string(), "spec.list[2].a/b");
        assert_eq!(Path::Bracket(&spec, "a").to_string(), "spec[a]");
        assert_eq!(field("", &Path::Key(&Path::Root, "x").to_string()), "x");
        assert_eq!(
            (field("", ""), field("status", ""), field("status", "x")),
            ("<nil>".into(), "status".into(), "status.x".into())
        );
    }
}
