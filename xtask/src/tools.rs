//! `cargo xtask tools`: builds the real parts that tests run against.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;

use crate::golang::{self, Go};
use crate::stamp::{self, Stamp};
use crate::{cargo, progress, workspace};

/// Build the real servers and judges that tests run against (needs Go; minutes when cold)
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Which of them; all when none is named
    #[arg(value_name = "PART", value_parser = PossibleValuesParser::new(PARTS.iter().map(|part| part.binary)))]
    parts: Vec<String>,
}

/// One binary, built from a package that the go.mod in `tools/MODULE` pins, or from the source beside it: in Go, or
/// in Rust where `tools/MODULE` is a cargo package.
struct Part {
    binary: &'static str,
    module: &'static str,
    package: &'static str,
}

/// The source in `tools/MODULE` itself.
const OWN: &str = ".";
/// The same, where it is a cargo package.
const CARGO: &str = "cargo";

const PARTS: &[Part] = &[
    Part { binary: "etcd", module: "etcd", package: "go.etcd.io/etcd/server/v3" },
    Part { binary: "go-verify", module: "go-verify", package: OWN },
    Part { binary: "certval-verify", module: "certval-verify", package: CARGO },
    Part { binary: "zlint", module: "zlint", package: "github.com/zmap/zlint/v3/cmd/zlint" },
    Part {
        binary: "kube-apiserver",
        module: "kubernetes",
        package: "k8s.io/kubernetes/cmd/kube-apiserver",
    },
    Part { binary: "kubectl", module: "kubernetes", package: "k8s.io/kubernetes/cmd/kubectl" },
    Part {
        binary: "pilot-discovery",
        module: "istio",
        package: "istio.io/istio/pilot/cmd/pilot-discovery",
    },
];

/// Builds the named parts, or all; those that are up to date are left alone.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let wanted = |part: &&Part| {
        arguments.parts.is_empty() || arguments.parts.iter().any(|name| name == part.binary)
    };
    PARTS.iter().filter(wanted).try_for_each(Part::bring_up_to_date)
}

/// Builds all parts. Where that fails and this is not CI, says so and goes on: a test that needs a
/// missing part fails and names it.
pub(crate) fn run_or_warn() -> Result<()> {
    match run(&Arguments::default()) {
        Err(error) if !workspace::under_ci() => {
            eprintln!("warning: {error:#}");
            eprintln!("warning: tests that need a missing real part will fail");
            Ok(())
        }
        outcome => outcome,
    }
}

impl Part {
    fn bring_up_to_date(&self) -> Result<()> {
        let digest = self.digest()?;
        let stamp = Stamp::of(&workspace::tools(), self.binary);
        if self.output().is_file() && stamp.holds(&digest) {
            eprintln!("{} is up to date", self.binary);
            return Ok(());
        }
        self.build()?;
        stamp.write(&digest)
    }

    /// Of all that decides what a build gives.
    fn digest(&self) -> Result<String> {
        let (files, compiler): (&[&str], _) = match self.package {
            CARGO => (&["Cargo.toml", "Cargo.lock", "src/main.rs"], cargo::version()?),
            OWN => (&["go.mod", "go.sum", "main.go"], self.go()?),
            _ => (&["go.mod", "go.sum"], self.go()?),
        };
        let texts = files.iter().map(|name| self.read(name)).collect::<Result<Vec<_>>>()?;
        let mut inputs: Vec<_> = texts.iter().map(String::as_bytes).collect();
        inputs.extend([compiler.as_bytes(), self.package.as_bytes()]);
        Ok(stamp::digest(&inputs))
    }

    fn go(&self) -> Result<String> {
        let go_mod = self.read("go.mod")?;
        Ok(Go::find(golang::needed_version(&go_mod)?, self.binary)?.fingerprint())
    }

    fn build(&self) -> Result<()> {
        let started = Instant::now();
        let output = self.output();
        let parent = output.parent().unwrap_or(&output);
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        match self.package {
            CARGO => cargo::install(&self.directory(), &workspace::tools())?,
            package => Go::build(&self.directory(), package, &output)?,
        }
        let time = progress::readable(started.elapsed());
        eprintln!("built {} in {time}", self.binary);
        Ok(())
    }

    fn directory(&self) -> PathBuf {
        workspace::root().join("tools").join(self.module)
    }

    fn output(&self) -> PathBuf {
        workspace::tools().join("bin").join(self.binary)
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.directory().join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_a_tool_that_its_go_mod_pins() {
        for part in PARTS.iter().filter(|part| ![OWN, CARGO].contains(&part.package)) {
            let go_mod = part.read("go.mod").unwrap();
            let named = |line: &str| line.trim().trim_start_matches("tool ") == part.package;
            assert!(go_mod.lines().any(named), "{} in {}", part.package, part.module);
            assert!(golang::needed_version(&go_mod).is_ok(), "{}", part.module);
        }
    }
}
