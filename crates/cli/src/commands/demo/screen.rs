//! What is seen while it happens: lines that stay, and on a terminal a few at the end that change.

use crate::failure::Failure;
use crate::terminal::{Terminal, plain};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// On a terminal: lines change in place.
    Live,
    /// Elsewhere: a line once it is final; no cursor movement.
    Lines,
    /// Nothing but the document at the end.
    Document,
}

/// The screen.
pub struct Screen<'a> {
    terminal: &'a mut Terminal,
    style: Style,
    /// Lines at the end that are going to change.
    changing: usize,
    shown: Vec<String>,
}

impl<'a> Screen<'a> {
    /// An empty one.
    pub fn new(terminal: &'a mut Terminal, style: Style) -> Self {
        Self { terminal, style, changing: 0, shown: Vec::new() }
    }

    /// How much is shown.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Shows lines that are going to change, in the place of those before.
    pub(super) fn changing(&mut self, lines: Vec<String>) -> Result<(), Failure> {
        if self.style != Style::Live || lines == self.shown {
            return Ok(());
        }
        let width = width();
        let mut text = self.erased();
        for line in &lines {
            // A line that wraps would be two when the cursor goes up again.
            text.extend(plain(line).chars().take(width));
            text.push('\n');
        }
        self.changing = lines.len();
        self.shown = lines;
        self.terminal.print(&text)
    }

    /// Shows lines that stay, in the place of those that changed.
    pub(super) fn settle(&mut self, lines: &[String]) -> Result<(), Failure> {
        if self.style == Style::Document {
            return Ok(());
        }
        let mut text = self.erased();
        for line in lines {
            text.extend([plain(line).as_ref(), "\n"]);
        }
        self.changing = 0;
        self.shown.clear();
        self.terminal.print(&text)
    }

    /// Shows a document, whatever the style.
    pub(super) fn document(&mut self, text: &str) -> Result<(), Failure> {
        self.terminal.print(text)
    }

    /// What takes the changing lines away: up, and clear to the end (ECMA-48 CUU, ED).
    fn erased(&self) -> String {
        if self.changing == 0 {
            String::new()
        } else {
            format!("\u{1b}[{}A\r\u{1b}[J", self.changing)
        }
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map(|size| usize::from(size.ws_col)).ok().filter(|columns| *columns > 0).unwrap_or(80)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn drawn(style: Style) -> String {
        let paper = Paper::default();
        let mut terminal = Terminal::to(paper.clone());
        let mut screen = Screen::new(&mut terminal, style);
        screen.changing(vec!["a".into(), "b".into()]).unwrap();
        screen.changing(vec!["a".into(), "b".into()]).unwrap();
        screen.changing(vec!["c".into()]).unwrap();
        screen.settle(&["done \u{1b}[2J".into()]).unwrap();
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn on_a_terminal_changing_lines_are_drawn_over() {
        assert_eq!(
            drawn(Style::Live),
            "a\nb\n\u{1b}[2A\r\u{1b}[Jc\n\u{1b}[1A\r\u{1b}[Jdone \\u{1b}[2J\n"
        );
    }

    #[test]
    fn elsewhere_only_what_is_final_is_written_and_no_cursor_moved() {
        assert_eq!(drawn(Style::Lines), "done \\u{1b}[2J\n");
        assert_eq!(drawn(Style::Document), "");
    }
}
