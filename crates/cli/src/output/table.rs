//! Tables: upper-case titles, columns apart by three spaces, nothing drawn.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};

use crate::terminal::plain;

/// Rows under titles. Cells are shown in one line each, without control characters.
#[derive(Clone, Debug, Default)]
pub struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(titles: &[&str]) -> Self {
        Self { titles: titles.iter().map(|title| (*title).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; an empty cell is shown as `-`.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row.into_iter().map(|cell| shown(&cell)).collect());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Titles and rows.
    pub fn text(&self) -> String {
        let mut table = drawn();
        table.set_header(&self.titles);
        table.add_rows(&self.rows);
        finish(&table)
    }

    /// Width of each column, for rows that come later.
    pub fn widths(&self) -> Vec<u16> {
        let width = |text: &String| u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        let column =
            |index: usize| self.rows.iter().filter_map(move |row| row.get(index)).map(width).max();
        let of =
            |(index, title): (usize, &String)| width(title).max(column(index).unwrap_or_default());
        self.titles.iter().enumerate().map(of).collect()
    }
}

/// One row as wide as those of a table that is on the screen already.
pub fn later_row(widths: &[u16], row: &[String]) -> String {
    let mut table = drawn();
    table.add_row(row.iter().map(|cell| shown(cell)));
    let gaps = widths.len().saturating_sub(1);
    let padded = |(index, width): (usize, &u16)| {
        ColumnConstraint::LowerBoundary(Width::Fixed(if index < gaps {
            width.saturating_add(GAP)
        } else {
            *width
        }))
    };
    table.set_constraints(widths.iter().enumerate().map(padded));
    finish(&table)
}

fn drawn() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn finish(table: &comfy_table::Table) -> String {
    let mut table = table.clone();
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, GAP));
    });
    table.trim_fmt() + "\n"
}

fn shown(cell: &str) -> String {
    if cell.is_empty() { "-".to_owned() } else { plain(cell).into_owned() }
}

const GAP: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATE", "MESSAGE"]);
        table.push(vec![
            "istio-east.demo.1".into(),
            "UNKNOWN".into(),
            "waiting for\nthe agent".into(),
        ]);
        table.push(vec!["a".into(), String::new(), "\u{1b}[31mred".into()]);
        table
    }

    #[test]
    fn a_table_has_titles_and_one_line_for_each_row() {
        insta::assert_snapshot!(table().text(), @r"
        NAME                STATE     MESSAGE
        istio-east.demo.1   UNKNOWN   waiting for the agent
        a                   -         \u{1b}[31mred
        ");
    }

    #[test]
    fn a_later_row_stands_under_the_columns_that_are_there() {
        let widths = table().widths();
        let row = later_row(&widths, &["b".into(), "ACCEPTED".into(), "done".into()]);
        assert_eq!(row, "b                   ACCEPTED   done\n");
        let row = later_row(&widths, &["b".into(), "INVALID".into(), "done".into()]);
        assert_eq!(row, "b                   INVALID   done\n");
    }
}
