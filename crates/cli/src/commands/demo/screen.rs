//! What is seen while it happens: lines that stay, and on a terminal a few at the end that change.

use std::io;

use meshroot_demo::Report;
use meshroot_runtime::process::clock;

use crate::output::{Format, table};
use crate::plain::plain;
use crate::terminal::Terminal;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// On a terminal: lines change in place.
    Live,
    /// Elsewhere: a line once it is final; no cursor movement.
    Lines,
    /// Nothing but the document at the end.
    Document,
}

/// A terminal as the demo's screen.
pub(crate) struct Screen<'a> {
    terminal: &'a mut Terminal,
    style: Style,
    /// Of the document at the end.
    format: Format,
    /// Lines at the end that are going to change.
    changing: usize,
    shown: Vec<String>,
}

impl<'a> Screen<'a> {
    /// An empty one.
    pub(crate) fn new(terminal: &'a mut Terminal, style: Style, format: Format) -> Self {
        Self { terminal, style, format, changing: 0, shown: Vec::new() }
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

impl meshroot_demo::screen::Screen for Screen<'_> {
    fn is_document(&self) -> bool {
        self.style == Style::Document
    }

    fn is_live(&self) -> bool {
        self.style == Style::Live
    }

    fn changing(&mut self, lines: Vec<String>) -> io::Result<()> {
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
        self.terminal.write(&text)
    }

    fn settle(&mut self, lines: &[String]) -> io::Result<()> {
        if self.style == Style::Document {
            return Ok(());
        }
        let mut text = self.erased();
        for line in lines {
            text.extend([plain(line).as_ref(), "\n"]);
        }
        self.changing = 0;
        self.shown.clear();
        self.terminal.write(&text)
    }

    fn ask(&mut self, lines: &[String]) -> io::Result<()> {
        if self.style == Style::Document {
            eprintln!("{}", lines.join("\n"));
        }
        self.settle(lines)
    }

    fn established(&mut self, report: &Report, kubeconfig: Option<&str>) -> io::Result<()> {
        if self.style == Style::Document {
            let text = self.format.text(&report.document(kubeconfig));
            return self.terminal.write(&text.map_err(io::Error::other)?);
        }
        let mut lines = vec![String::new()];
        let table = table::text(&report.table(clock::now()));
        lines.extend(table.lines().map(|line| format!("  {line}")));
        let took = report.established.unwrap_or_default().as_secs_f64();
        lines.push(String::new());
        lines.push(format!("  trust established {took:.1} s after the start"));
        self.settle(&lines)
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map(|size| usize::from(size.ws_col)).ok().filter(|columns| *columns > 0).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use meshroot_demo::screen::Screen as _;

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
        let mut screen = Screen::new(&mut terminal, style, Format::Table);
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
