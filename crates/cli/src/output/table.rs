//! Tables as text: upper-case titles, columns apart by three spaces, nothing drawn.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use meshroot_view::Table;

use crate::plain::plain;

/// Titles and rows. Cells are shown in one line each, without control characters; an empty one as `-`.
pub(crate) fn text(table: &Table) -> String {
    let mut drawing = drawn();
    drawing.set_header(table.titles());
    drawing.add_rows(table.rows().iter().map(|row| shown_row(row)));
    finish(&drawing)
}

/// Width of each column, for rows that come later.
pub(crate) fn widths(table: &Table) -> Vec<u16> {
    let width = |text: &str| u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    let rows: Vec<_> = table.rows().iter().map(|row| shown_row(row)).collect();
    let column = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let widest = |(index, title): (usize, &String)| {
        column(index).map(|cell| width(cell)).fold(width(title), u16::max)
    };
    table.titles().iter().enumerate().map(widest).collect()
}

/// One row as wide as those of a table that is on the screen already.
pub(crate) fn later_row(widths: &[u16], row: &[String]) -> String {
    let mut table = drawn();
    table.add_row(shown_row(row));
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

fn shown_row(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| shown(cell)).collect()
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
        insta::assert_snapshot!(text(&table()), @r"
        NAME                STATE     MESSAGE
        istio-east.demo.1   UNKNOWN   waiting for the agent
        a                   -         \u{1b}[31mred
        ");
    }

    #[test]
    fn a_later_row_stands_under_the_columns_that_are_there() {
        let widths = widths(&table());
        let row = later_row(&widths, &["b".into(), "ACCEPTED".into(), "done".into()]);
        assert_eq!(row, "b                   ACCEPTED   done\n");
        let row = later_row(&widths, &["b".into(), "INVALID".into(), "done".into()]);
        assert_eq!(row, "b                   INVALID   done\n");
    }
}
