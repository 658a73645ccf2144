//! Parts of objects that have a path of their own.

/// The part of an object that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subresource {
    /// The object itself.
    Whole,
    Status,
    Scale,
    Token,
    Finalize,
}

impl Subresource {
    /// The third part of a path, empty where it has none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Whole, Self::Status, Self::Scale, Self::Token, Self::Finalize];
        all.into_iter().find(|one| one.as_str() == text)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Token => "token",
            Self::Finalize => "finalize",
        }
    }
}
