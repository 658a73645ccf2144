//! What is left to do after a write.

use apiserver_store::Key;

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// An object carries a deletion timestamp.
    Ending(Key),
    /// An object is gone that others may name as their owner.
    Dependents(Owner),
    /// An object of this collection is gone.
    DefinitionMaybeEmpty(String),
    /// An object in this namespace is gone.
    NamespaceMaybeEmpty(String),
    /// A ServiceAccount in this namespace is gone, whose tokens Secrets may hold.
    TokenSecrets(String),
    /// The quotas of this namespace count another number of objects.
    Count(String),
}

/// An object as its dependents name it. They are in its namespace, or anywhere where it is in none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) namespace: String,
    pub(crate) uid: String,
}
