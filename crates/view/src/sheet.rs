//! Headings and fields under each other, for one object.

use crate::Table;
use crate::certificates::facts::Facts;

/// A sheet of paper that is filled from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    entries: Vec<Entry>,
}

/// One thing on a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The title of a section.
    Heading(String),
    /// A title and its values, of which there is one at least and none is empty. Without a title they belong to the
    /// field before.
    Field {
        /// What the values are of.
        title: String,
        /// One for each line.
        values: Vec<String>,
    },
    /// A line of prose.
    Line(String),
    /// A table.
    Table(Table),
}

impl Sheet {
    /// Begins a section.
    pub fn heading(&mut self, title: impl Into<String>) {
        self.entries.push(Entry::Heading(title.into()));
    }

    /// One field; nothing where the value is empty.
    pub fn field(&mut self, title: &str, value: impl AsRef<str>) {
        self.fields(title, &[value.as_ref().to_owned()]);
    }

    /// One field with several values; nothing where there is none.
    pub fn fields(&mut self, title: &str, values: &[String]) {
        let values: Vec<_> = values.iter().filter(|value| !value.is_empty()).cloned().collect();
        if !values.is_empty() {
            self.entries.push(Entry::Field { title: title.to_owned(), values });
        }
    }

    /// All fields of a certificate or request.
    pub fn facts(&mut self, facts: &Facts) {
        for (title, values) in facts {
            // Short words share a line.
            if matches!(*title, "Key usage" | "Purposes") {
                self.field(title, values.join(", "));
            } else {
                self.fields(title, values);
            }
        }
    }

    /// A line of prose.
    pub fn line(&mut self, text: impl Into<String>) {
        self.entries.push(Entry::Line(text.into()));
    }

    /// A table.
    pub fn table(&mut self, table: Table) {
        self.entries.push(Entry::Table(table));
    }

    /// What is on it, from top to bottom.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
