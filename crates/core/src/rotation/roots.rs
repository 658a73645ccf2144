//! Roots, sets of roots, and chains as the roots that they lead to.

use std::fmt;

/// A root, by its number in its virtual mesh: 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(u8);

impl Root {
    /// How many there can be at one time.
    pub const MOST: u8 = 16;

    /// The root of that number; `None` from [`MOST`](Self::MOST) on.
    pub fn new(number: u8) -> Option<Self> {
        (number < Self::MOST).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.0)
    }
}

/// A set of roots: trust anchors, or what a chain leads to.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootSet(u16);

impl RootSet {
    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it has.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the root is in it.
    pub fn contains(self, root: Root) -> bool {
        self.0 & 1 << root.0 != 0
    }

    /// Whether the two have a root in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of its roots are in the other.
    pub fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The roots of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its roots, by number.
    pub fn iter(self) -> impl Iterator<Item = Root> {
        (0..Root::MOST).map(Root).filter(move |root| self.contains(*root))
    }
}

impl From<Root> for RootSet {
    fn from(root: Root) -> Self {
        Self(1 << root.0)
    }
}

impl FromIterator<Root> for RootSet {
    fn from_iter<I: IntoIterator<Item = Root>>(roots: I) -> Self {
        roots.into_iter().fold(Self::default(), |set, root| set.union(root.into()))
    }
}

impl fmt::Display for RootSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|root| root.to_string()).collect();
        f.write_str(&names.join("+"))
    }
}

impl fmt::Debug for RootSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What workloads send above their leaf: an intermediate, and at most one cross-certificate above it, which is what every
/// TLS stack takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain {
    /// The root that signed the intermediate.
    pub issuer: Root,
    /// The root that signed the cross-certificate of `issuer`, where one is sent.
    pub through: Option<Root>,
}

impl Chain {
    /// An intermediate alone.
    pub fn new(issuer: Root) -> Self {
        Self { issuer, through: None }
    }

    /// With the cross-certificate of its issuer that `root` signed; without one where that is the issuer itself.
    #[must_use]
    pub fn through(self, root: Root) -> Self {
        Self { through: (root != self.issuer).then_some(root), ..self }
    }

    /// The roots that it leads to.
    pub fn roots(self) -> RootSet {
        std::iter::once(self.issuer).chain(self.through).collect()
    }

    /// Whether whoever has these anchors, and nothing else, accepts it.
    pub fn verifies(self, anchors: RootSet) -> bool {
        self.roots().meets(anchors)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I({})", self.issuer)?;
        self.through.map_or(Ok(()), |root| write!(f, "·X({root})"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a member's workloads send and trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// What they send.
    pub chain: Chain,
    /// What they trust.
    pub anchors: RootSet,
}

impl Position {
    /// Sends an intermediate of one root and trusts that root alone.
    pub fn alone(root: Root) -> Self {
        Self { chain: Chain::new(root), anchors: root.into() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} trusting {}", self.chain, self.anchors)
    }
}
