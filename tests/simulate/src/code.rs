//! Chains and anchors as small numbers, and sets and queues of them as one number each: millions of states are kept.

use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use meshroot_core::rotation::{Chain, Root, RootSet};

/// Something that a model has few of: 1 to 15.
pub(crate) trait Code: Copy {
    fn code(self) -> u8;
    fn of(code: u8) -> Self;
}

/// Of the roots 1 to 3.
impl Code for Chain {
    fn code(self) -> u8 {
        self.issuer.number() << 2 | self.through.map_or(0, Root::number)
    }

    fn of(code: u8) -> Self {
        let chain = Self::new(root(code >> 2));
        match code & 3 {
            0 => chain,
            through => chain.through(root(through)),
        }
    }
}

impl Code for RootSet {
    fn code(self) -> u8 {
        self.iter().map(|root| 1 << (root.number() - 1)).sum()
    }

    fn of(code: u8) -> Self {
        (1..4).filter(|number| code & 1 << (number - 1) != 0).map(root).collect()
    }
}

/// The root of that number, which is below 16.
pub(crate) fn root(number: u8) -> Root {
    Root::new(number % Root::MOST).unwrap_or_else(|| unreachable!("it is below {}", Root::MOST))
}

/// A set.
pub(crate) struct Few<T>(u16, PhantomData<T>);

impl<T: Code> Few<T> {
    pub(crate) fn with(self, value: T) -> Self {
        Self(self.0 | 1 << value.code(), PhantomData)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = T> + Clone {
        (1..16).filter(move |code| self.0 & 1 << code != 0).map(T::of)
    }
}

impl<T: Code> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().fold(Self(0, PhantomData), Self::with)
    }
}

/// A queue of at most 16.
pub(crate) struct Queue<T>(u64, PhantomData<T>);

impl<T: Code> Queue<T> {
    pub(crate) fn new() -> Self {
        Self(0, PhantomData)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn push(self, value: T) -> Self {
        assert!(self.0 >> 60 == 0, "nothing is told so often without being loaded");
        let length = u64::BITS - self.0.leading_zeros();
        Self(self.0 | u64::from(value.code()) << length.next_multiple_of(4), PhantomData)
    }

    /// Without its first that many.
    pub(crate) fn after(self, taken: usize) -> Self {
        Self(self.0.checked_shr(4 * u32::try_from(taken).unwrap_or(16)).unwrap_or(0), PhantomData)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = T> {
        let codes = (0..16).map(move |at| u8::try_from(self.0 >> (4 * at) & 15).unwrap_or(0));
        codes.take_while(|code| *code != 0).map(T::of)
    }
}

// Derived, these would ask the same of what they are about.
macro_rules! as_number {
    ($type:ident) => {
        impl<T> Clone for $type<T> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<T> Copy for $type<T> {}
        impl<T> PartialEq for $type<T> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl<T> Eq for $type<T> {}
        impl<T> Hash for $type<T> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }
    };
}
as_number!(Few);
as_number!(Queue);
