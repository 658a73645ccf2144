//! A workload: the leaf that it has, what it sends above it, and whom it trusts.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use meshroot_demo::control_plane::Authority;
use meshroot_pki::{Certificate, Host, KeyKind, PrivateKey};

/// How a workload behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Lifetime that it is given at most.
    pub(crate) lifetime: SignedDuration,
    /// When it renews, in percent of its leaf's life.
    pub(crate) renews_at: i32,
    /// Changed anchors reach it at once where its control plane pushes them, else with its next leaf.
    pub(crate) is_pushed: bool,
}

pub(crate) struct Workload {
    habits: Habits,
    key: PrivateKey,
    host: Host,
    /// Its leaf's first moment; what came before is not known of it.
    issued: Timestamp,
    pub(crate) leaf: Arc<Certificate>,
    /// Its leaf was issued with this CA, which is what it sends above.
    pub(crate) sends: Arc<Authority>,
    /// It trusts the roots of this one.
    pub(crate) trusts: Arc<Authority>,
}

impl Workload {
    /// Starts at `now`.
    pub(crate) fn start(
        name: &str,
        habits: Habits,
        loaded: &Arc<Authority>,
        now: Timestamp,
    ) -> Result<Self> {
        let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
        let host = Host::Uri(format!("spiffe://cluster.local/ns/apps/sa/{name}"));
        let leaf = issue(loaded, &key, &host, habits, now)?;
        Ok(Self {
            habits,
            key,
            host,
            issued: now,
            leaf: Arc::new(leaf),
            sends: Arc::clone(loaded),
            trusts: Arc::clone(loaded),
        })
    }

    /// Until `then` nothing is loaded but `loaded`: its renewals by then.
    pub(crate) fn live_until(&mut self, loaded: &Arc<Authority>, then: Timestamp) -> Result<()> {
        let ca_ends = loaded.chain().first().map_or(Timestamp::MIN, Certificate::not_after);
        while let Some(turn) = self.turn().filter(|turn| *turn < then) {
            let turn = self.last_turn(turn, ca_ends, then);
            if ca_ends.duration_since(turn) <= SECOND {
                return Ok(());
            }
            self.leaf = Arc::new(issue(loaded, &self.key, &self.host, self.habits, turn)?);
            self.issued = turn;
            self.sends = Arc::clone(loaded);
            self.trusts = Arc::clone(loaded);
        }
        Ok(())
    }

    /// Its control plane pushes the anchors that it has loaded.
    pub(crate) fn push(&mut self, loaded: &Arc<Authority>) {
        if self.habits.is_pushed {
            self.trusts = Arc::clone(loaded);
        }
    }

    /// Of many renewals from one CA the last is what is left: from `turn` on, as long as leaves have their full life.
    fn last_turn(&self, turn: Timestamp, ca_ends: Timestamp, then: Timestamp) -> Timestamp {
        let period = (self.habits.lifetime * self.habits.renews_at / 100).as_secs().max(2) - 1;
        let times = (then.duration_since(turn).as_secs() - 1) / period;
        let last = turn + SignedDuration::from_secs(times * period);
        if ca_ends.duration_since(last) > self.habits.lifetime { last } else { turn }
    }

    /// When it renews; `None` where it cannot any more.
    fn turn(&self) -> Option<Timestamp> {
        let life = self.leaf.not_after().duration_since(self.issued);
        let wait = (life * self.habits.renews_at / 100).min(life - SECOND);
        self.issued.checked_add(wait.max(SECOND)).ok()
    }
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn issue(
    loaded: &Authority,
    key: &PrivateKey,
    host: &Host,
    habits: Habits,
    at: Timestamp,
) -> Result<Certificate> {
    loaded.issue(key.public_key(), host, habits.lifetime, at).map_err(|why| anyhow!(why))
}
