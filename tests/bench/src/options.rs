//! The command line.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// The hub and an agent on kube-apiserver.
    Issuance,
    /// The embedded API server beside etcd and kube-apiserver.
    Server,
    /// The hub on the embedded API server, one process.
    HubEmbedded,
    /// Issuance for one cluster while another one does what it can.
    Neighbour,
    /// A root that is replaced under many members.
    Rotation,
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What is measured.
    pub(crate) groups: BTreeSet<Group>,
    /// Certificates that the hub alone issues, and as many renewals.
    pub(crate) requests: usize,
    /// Meshes that one agent serves, in a small and in a large virtual mesh.
    pub(crate) installs: [usize; 2],
    /// Seconds for which everything must be quiet.
    pub(crate) quiet_seconds: u64,
    /// Members of the virtual mesh whose root is replaced.
    pub(crate) members: usize,
    /// Certificates that the hub on the embedded server issues.
    pub(crate) certificates: usize,
    /// Rounds of each measurement of a server; the median counts.
    pub(crate) rounds: usize,
    /// Length of a round.
    pub(crate) round: Duration,
    /// Objects in the larger of the two collections.
    pub(crate) objects: usize,
    /// Watches of one collection.
    pub(crate) watchers: usize,
}

const USAGE: &str = "usage: meshroot-bench [--only issuance,server,hub-embedded,neighbour,rotation] [--quick] \
                     [--requests N] [--installs SMALL,LARGE] [--certificates N] [--members N] [--rounds N]";

impl Options {
    /// `--quick` comes first in effect, wherever it stands: numbers that are given count.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments: Vec<String> = arguments.collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        arguments.retain(|argument| argument != "--quick");
        let mut options = if quick { Self::quick() } else { Self::full() };
        let mut rest = arguments.into_iter();
        while let Some(name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} needs a value; {USAGE}"))?;
            match name.as_str() {
                "--only" => options.groups = value.split(',').map(group).collect::<Result<_>>()?,
                "--requests" => options.requests = count(&value)?,
                "--members" => options.members = count(&value)?,
                "--certificates" => options.certificates = count(&value)?,
                "--rounds" => options.rounds = count(&value)?,
                "--installs" => {
                    let (small, large) =
                        value.split_once(',').with_context(|| format!("{value:?}; {USAGE}"))?;
                    options.installs = [count(small)?, count(large)?];
                }
                _ => bail!("{name} is unknown; {USAGE}"),
            }
        }
        Ok(options)
    }

    /// True if a group was asked for.
    pub(crate) fn includes(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }

    fn full() -> Self {
        Self {
            groups: BTreeSet::from([
                Group::Issuance,
                Group::Server,
                Group::HubEmbedded,
                Group::Neighbour,
                Group::Rotation,
            ]),
            requests: 1000,
            installs: [100, 300],
            quiet_seconds: 20,
            members: 300,
            certificates: 3000,
            rounds: 3,
            round: Duration::from_secs(2),
            objects: 10_000,
            watchers: 1000,
        }
    }

    fn quick() -> Self {
        Self {
            requests: 160,
            installs: [20, 60],
            quiet_seconds: 8,
            members: 60,
            certificates: 800,
            rounds: 1,
            round: Duration::from_secs(1),
            objects: 2000,
            watchers: 200,
            ..Self::full()
        }
    }
}

fn group(name: &str) -> Result<Group> {
    match name {
        "issuance" => Ok(Group::Issuance),
        "server" => Ok(Group::Server),
        "hub-embedded" => Ok(Group::HubEmbedded),
        "neighbour" => Ok(Group::Neighbour),
        "rotation" => Ok(Group::Rotation),
        _ => bail!("{name:?} is not a group; {USAGE}"),
    }
}

fn count(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(count @ 1..=5000) => Ok(count),
        _ => bail!("{text:?} is not a number from 1 to 5000; {USAGE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn only_the_groups_that_were_named_are_measured() {
        let options = parse("--only server,hub-embedded --quick").unwrap();
        assert!(options.includes(Group::Server) && options.includes(Group::HubEmbedded));
        assert!(!options.includes(Group::Issuance));
        assert!(parse("").unwrap().includes(Group::Issuance));
    }

    #[test]
    fn a_group_that_does_not_exist_is_refused() {
        assert!(
            parse("--only everything")
                .unwrap_err()
                .to_string()
                .contains("\"everything\" is not a group")
        );
    }

    #[test]
    fn numbers_that_are_given_count_wherever_quick_stands() {
        assert_eq!(parse("--certificates 77 --quick").unwrap().certificates, 77);
        assert_eq!(parse("--quick --certificates 77").unwrap().certificates, 77);
    }
}
