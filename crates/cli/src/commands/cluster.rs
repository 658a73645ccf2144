//! `meshroot cluster`: workload clusters that take part.

mod hub;
mod join;
mod leave;
mod list;

use clap::{Args as _, FromArgMatches as _};

use crate::failure::Failure;
use crate::global::Global;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    /// From the words that people type, `cluster` the first of them.
    pub(crate) fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("cluster"));
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let a cluster take part: its place on the hub, and an agent in it
    Join(join::Arguments),
    /// Who takes part, and whose agent was heard when
    List(list::Arguments),
    /// Take a cluster's credentials on the hub away
    Leave(leave::Arguments),
}

/// Does it.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match &asked.command {
        Command::Join(asked) => join::run(global, asked, terminal).await,
        Command::List(_) => list::run(&Session::open(global)?, terminal).await,
        Command::Leave(asked) => leave::run(&Session::open(global)?, asked, terminal).await,
    }
}

/// Refuses what cannot be the name of a cluster. It becomes part of a namespace's name, which has at most 63
/// characters (RFC 1123 label).
fn check_name(name: &str) -> Result<(), Failure> {
    let most = 63 - meshroot_api::names::cluster_namespace("").len();
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = name.starts_with('-') || name.ends_with('-');
    if !name.is_empty() && name.len() <= most && name.bytes().all(good) && !edges {
        return Ok(());
    }
    Err(Failure::usage(format!("{name:?} cannot be the name of a cluster"))
        .fix(format!("use a-z, 0-9 and hyphens within, at most {most} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_by_a_dns_label_that_fits_into_a_namespace() {
        for good in ["east", "e", "eu-west-1", &"a".repeat(46)] {
            check_name(good).unwrap();
        }
        for wrong in ["", "East", "a.b", "-a", "a-", "a_b", "a/b", &"a".repeat(47)] {
            assert_eq!(
                check_name(wrong).unwrap_err().exit(),
                crate::failure::Exit::Usage,
                "{wrong}"
            );
        }
    }
}
