//! Rows under titles.

/// Rows under titles, each with as many cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(titles: &[&str]) -> Self {
        Self { titles: titles.iter().map(|title| (*title).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; an empty cell says that there is nothing to say.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Titles of the columns.
    pub fn titles(&self) -> &[String] {
        &self.titles
    }

    /// The rows, in the order in which they were added.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}
