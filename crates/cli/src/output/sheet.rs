//! Sheets: headings and fields under each other, for one object.

use std::fmt::Write as _;

use super::Table;
use crate::certificates::facts::Facts;
use crate::terminal::plain;

/// A sheet of paper that is filled from top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    text: String,
}

impl Sheet {
    /// Begins a section; a blank line stands before it unless it is the first.
    pub fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "{}", plain(title));
    }

    /// One field; nothing where the value is empty.
    pub fn field(&mut self, title: &str, value: impl AsRef<str>) {
        self.fields(title, &[value.as_ref().to_owned()]);
    }

    /// One field with a line for each value; nothing where there is none.
    pub fn fields(&mut self, title: &str, values: &[String]) {
        let mut head = title;
        for value in values.iter().filter(|value| !value.is_empty()) {
            let _ = writeln!(self.text, "  {head:<WIDTH$} {}", plain(value));
            head = "";
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
    pub fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "  {}", plain(text));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        for line in table.text().lines() {
            let _ = writeln!(self.text, "  {line}");
        }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

const WIDTH: usize = 14;
