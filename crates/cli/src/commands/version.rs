//! `meshroot version`.

use serde_json::json;

use crate::failure::Failure;
use crate::output::Format;
use crate::terminal::Terminal;

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints it.
pub(crate) fn run(format: Format, terminal: &mut Terminal) -> Result<(), Failure> {
    if format.is_table() {
        return terminal.line(format!("meshroot {VERSION}"));
    }
    terminal.print(&format.text(&json!({ "name": "meshroot", "version": VERSION }))?)
}
