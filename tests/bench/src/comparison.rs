//! The result of two servers beside each other.

use crate::table::{Aim, number};

/// Collects figures of etcd and kube-apiserver, and of the embedded server.
#[derive(Default)]
pub(crate) struct Comparison {
    rows: Vec<[String; 5]>,
    missed: usize,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

impl Comparison {
    /// One figure of both. The ratio says how many times better the embedded server is. The aim is the figure's.
    pub(crate) fn row(
        &mut self,
        what: &str,
        [real, embedded]: [f64; 2],
        unit: &str,
        better: Better,
        aim: Aim,
    ) {
        let times = if better == Better::Higher { embedded / real } else { real / embedded };
        let (aim, met) = match aim {
            Aim::None => (String::new(), true),
            Aim::AtMost(most) => (format!("≤ {}", number(most)), embedded <= most),
            Aim::AtLeast(least) => (format!("≥ {}", number(least)), embedded >= least),
        };
        self.push(
            what,
            [real, embedded]
                .map(|figure| format!("{} {unit}", number(figure)).trim_end().to_owned()),
            times,
            &aim,
            met,
        );
    }

    /// One figure of both, where the aim is a multiple of the other's.
    pub(crate) fn multiple(
        &mut self,
        what: &str,
        [real, embedded]: [f64; 2],
        unit: &str,
        aim: f64,
    ) {
        let times = embedded / real;
        let figures = [real, embedded]
            .map(|figure| format!("{} {unit}", number(figure)).trim_end().to_owned());
        self.push(what, figures, times, &format!("{}×", number(aim)), times >= aim);
    }

    fn push(
        &mut self,
        what: &str,
        [real, embedded]: [String; 2],
        times: f64,
        aim: &str,
        met: bool,
    ) {
        let verdict = if met { "" } else { " MISSED" };
        self.missed += usize::from(!met);
        let times = if times.is_finite() { format!("{times:.1}×") } else { "–".to_owned() };
        let row = [what.to_owned(), real, embedded, times, format!("{aim}{verdict}")];
        println!("  {}", plain(&row));
        self.rows.push(row);
    }

    /// As the documentation takes it.
    pub(crate) fn print(&self) {
        println!(
            "\n| figure | etcd + kube-apiserver | embedded | times better | aim |\n| --- | --- | --- | --- | --- |"
        );
        self.rows.iter().for_each(|row| println!("| {} |", row.join(" | ")));
        println!("\n{} figures missed their aim", self.missed);
    }
}

fn plain([what, real, embedded, times, aim]: &[String; 5]) -> String {
    format!("{what:<58} {real:>16} {embedded:>16} {times:>8}  {aim}").trim_end().to_owned()
}

/// The middle of some figures; of an even number of them, the mean of the two in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
    match figures.len() {
        0 => f64::NAN,
        count => f64::midpoint(at((count - 1) / 2), at(count / 2)),
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // the figures are exact
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn the_ratio_says_how_many_times_better_the_embedded_server_is() {
        let mut table = Comparison::default();
        table.row("rate", [100.0, 250.0], "/s", Better::Higher, Aim::None);
        table.row("time", [100.0, 50.0], "ms", Better::Lower, Aim::AtMost(40.0));
        table.multiple("best", [100.0, 250.0], "/s", 3.0);
        let verdicts: Vec<[&str; 2]> =
            table.rows.iter().map(|row| [row[3].as_str(), row[4].as_str()]).collect();
        assert_eq!(verdicts, [["2.5×", ""], ["2.0×", "≤ 40 MISSED"], ["2.5×", "3× MISSED"]]);
        assert_eq!(table.missed, 2);
    }
}
