//! The result: aim, figure and ratio, a line each.

/// Collects what was measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 4]>,
    missed: usize,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// Reported for comparison.
    None,
}

impl Table {
    pub(crate) fn section(&mut self, title: &str) {
        println!("\n{title}");
        self.rows.push([title.to_owned(), String::new(), String::new(), String::new()]);
    }

    /// One figure; `ratio` is to whatever the name of the row says.
    pub(crate) fn row(&mut self, what: &str, aim: Aim, figure: f64, unit: &str) {
        let (aim, verdict) = match aim {
            Aim::None => (String::new(), String::new()),
            Aim::AtMost(most) => {
                (format!("≤ {}", number(most)), self.verdict(figure <= most, figure / most))
            }
            Aim::AtLeast(least) => {
                (format!("≥ {}", number(least)), self.verdict(figure >= least, figure / least))
            }
        };
        let row = [format!("  {what}"), aim, format!("{} {unit}", number(figure)), verdict];
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// A remark under the last row.
    pub(crate) fn note(&mut self, text: &str) {
        println!("    {text}");
        self.rows.push([format!("    {text}"), String::new(), String::new(), String::new()]);
    }

    pub(crate) fn print(&self) {
        println!("\n{}", line(&["", "aim", "figure", "of aim"].map(str::to_owned)));
        self.rows.iter().for_each(|row| println!("{}", line(row)));
        println!("{} figures missed their aim", self.missed);
    }

    fn verdict(&mut self, met: bool, share: f64) -> String {
        if !met {
            self.missed += 1;
        }
        let share = if share.is_finite() { format!("{share:.2}") } else { "-".to_owned() };
        format!("{share}{}", if met { "" } else { "  MISSED" })
    }
}

fn line([what, aim, figure, ratio]: &[String; 4]) -> String {
    format!("{what:<66} {aim:>9} {figure:>18} {ratio:>8}").trim_end().to_owned()
}

pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
