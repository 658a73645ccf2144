//! Parts of an object that are asked for by a path of their own.

use std::fmt;

/// The part of an object that a request is about: the last part of `/api/v1/namespaces/a/serviceaccounts/b/token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subresource {
    /// The object itself; its path has no such part.
    Whole,
    /// What is observed, apart from what is wanted.
    Status,
    /// How many replicas.
    Scale,
    /// Tokens of a service account.
    Token,
    /// Finalizers of a namespace.
    Finalize,
}

impl Subresource {
    /// All parts that the server knows.
    pub const ALL: [Self; 5] =
        [Self::Whole, Self::Status, Self::Scale, Self::Token, Self::Finalize];

    /// Reads the last part of a path, empty where it has none.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subresource| subresource.as_str() == word)
    }

    /// The last part of its path; empty for the object itself.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Token => "token",
            Self::Finalize => "finalize",
        }
    }
}

impl fmt::Display for Subresource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subresource_is_read_from_its_word() {
        for subresource in Subresource::ALL {
            assert_eq!(Subresource::parse(subresource.as_str()), Some(subresource));
        }
        for word in ["log", "Status"] {
            assert_eq!(Subresource::parse(word), None, "{word}");
        }
    }
}
