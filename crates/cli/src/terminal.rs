//! Where output goes to.

use std::io::Write;

use meshroot_view::{Sheet, Table};

use crate::failure::Failure;
use crate::output;

/// Standard output, or a buffer in tests.
pub(crate) struct Terminal {
    out: Box<dyn Write>,
}

impl Terminal {
    /// Standard output.
    pub(crate) fn standard() -> Self {
        Self { out: Box::new(std::io::stdout()) }
    }

    /// Another place.
    pub(crate) fn to(out: impl Write + 'static) -> Self {
        Self { out: Box::new(out) }
    }

    /// Writes text as it is and flushes it, so that a reader of a pipe sees it at once.
    pub(crate) fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// As [`Terminal::write`]; that it cannot be written is a failure of the command.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.write(text)?)
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.print(&format!("{}\n", text.as_ref()))
    }

    /// Writes a table.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        self.print(&output::table::text(table))
    }

    /// Writes a sheet.
    pub(crate) fn sheet(&mut self, sheet: &Sheet) -> Result<(), Failure> {
        self.print(&output::sheet::text(sheet))
    }

    /// Bytes, for what is not text of ours (completion scripts).
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        Ok(())
    }
}
