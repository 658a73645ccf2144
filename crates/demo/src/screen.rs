//! Where the demo is seen.

use std::io;

use crate::Report;

/// A place that shows what happens, such as a terminal or a log.
pub trait Screen {
    /// Whether lines change in place. Then what happens at the same time is settled together, at its end.
    fn is_live(&self) -> bool;

    /// Whether all is shown as one document, at the end.
    fn is_document(&self) -> bool {
        false
    }

    /// Shows lines that are going to change, in the place of those before.
    fn changing(&mut self, lines: Vec<String>) -> io::Result<()>;

    /// Shows lines that stay, in the place of those that changed.
    fn settle(&mut self, lines: &[String]) -> io::Result<()>;

    /// Shows what a person must do before it goes on.
    fn ask(&mut self, lines: &[String]) -> io::Result<()>;

    /// Shows the trust that is established; `kubeconfig` where the file outlives the program's answer.
    fn established(&mut self, report: &Report, kubeconfig: Option<&str>) -> io::Result<()>;
}
