//! Sheets as text: headings, and fields under each other.

use std::fmt::Write as _;

use meshroot_view::{Entry, Sheet};

use super::table;
use crate::plain::plain;

/// The text of a sheet.
pub(crate) fn text(sheet: &Sheet) -> String {
    let mut text = String::new();
    for entry in sheet.entries() {
        add(&mut text, entry);
    }
    text
}

/// Writing to a String cannot fail.
fn add(text: &mut String, entry: &Entry) {
    match entry {
        Entry::Heading(title) => {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "{}", plain(title));
        }
        Entry::Field { title, values } => {
            let mut head = title.as_str();
            for value in values {
                let _ = writeln!(text, "  {head:<WIDTH$} {}", plain(value));
                head = "";
            }
        }
        Entry::Line(line) => {
            let _ = writeln!(text, "  {}", plain(line));
        }
        Entry::Table(rows) => {
            for line in table::text(rows).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
}

const WIDTH: usize = 14;

#[cfg(test)]
mod tests {
    use meshroot_view::Table;

    use super::*;

    #[test]
    fn sections_are_apart_and_values_stand_under_each_other() {
        let mut sheet = Sheet::default();
        sheet.heading("Mesh a");
        sheet.field("Cluster", "east");
        sheet.field("Empty", "");
        sheet.fields("Roots", &["one".to_owned(), String::new(), "two\u{1b}[2J".to_owned()]);
        sheet.heading("Events");
        sheet.line("none");
        let mut table = Table::new(&["A", "B"]);
        table.push(vec!["1".to_owned(), String::new()]);
        sheet.table(table);
        insta::assert_snapshot!(text(&sheet), @r"
        Mesh a
          Cluster        east
          Roots          one
                         two\u{1b}[2J

        Events
          none
          A   B
          1   -
        ");
    }
}
