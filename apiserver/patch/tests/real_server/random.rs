//! Random writes, the same in every run.

use serde_json::{Map, Value, json};

use crate::rig::{Kind, Rig};

/// Knuth's linear congruential generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<'v>(&mut self, values: &[&'v str]) -> &'v str {
        let place = usize::try_from(self.below(values.len() as u64)).unwrap();
        values[place]
    }

    /// Some of the names, in any order, each once.
    fn some_of(&mut self, names: &[&str]) -> Vec<String> {
        let mut left: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let count = self.below(names.len() as u64 + 1);
        (0..count)
            .map(|_| left.remove(usize::try_from(self.below(left.len() as u64)).unwrap()))
            .collect()
    }

    fn words(&mut self) -> Value {
        let names = self.some_of(&["a", "b", "c"]);
        Value::Object(
            names.into_iter().map(|name| (name, json!(self.one_of(&["1", "2"])))).collect(),
        )
    }

    fn entries(&mut self) -> Value {
        let mut entries = Vec::new();
        for name in self.some_of(&["one", "two", "three", "four"]) {
            let mut entry = json!({"name": name, "protocol": self.one_of(&["TCP", "TCP", "UDP"])});
            if self.below(2) == 0 {
                entry["value"] = json!(self.below(3));
            }
            if self.below(3) == 0 {
                entry["nested"] = json!({"a": self.one_of(&["x", "y"])});
            }
            if self.below(3) == 0 {
                let subs: Vec<_> = self
                    .some_of(&["1", "2", "3"])
                    .iter()
                    .map(|id| json!({"id": id.parse::<u32>().unwrap()}))
                    .collect();
                entry["subs"] = json!(subs);
            }
            entries.push(entry);
        }
        Value::Array(entries)
    }

    fn spec(&mut self) -> Value {
        let mut spec = Map::new();
        for field in self
            .some_of(&["list", "tags", "atoms", "whole", "words", "nested", "free", "mode", "port"])
        {
            let value = match field.as_str() {
                "list" => self.entries(),
                "tags" => json!(self.some_of(&["p", "q", "r", "s"])),
                "atoms" => json!(self.some_of(&["p", "q"])),
                "whole" => json!({"x": self.one_of(&["1", "2"])}),
                "words" => self.words(),
                "nested" => json!({"x": self.one_of(&["1", "2"]), "z": self.deep()}),
                "free" => json!({"any": self.words(), "number": self.below(3)}),
                "port" => json!(self.below(3)),
                _ => json!(self.one_of(&["1", "2"])),
            };
            spec.insert(field, value);
        }
        Value::Object(spec)
    }

    fn deep(&mut self) -> Value {
        let names = self.some_of(&["deep", "deeper"]);
        Value::Object(
            names.into_iter().map(|name| (name, json!(self.one_of(&["1", "2"])))).collect(),
        )
    }
}

pub(crate) async fn run(rig: &Rig, kind: &Kind) {
    for seed in 0..16 {
        let mut dice = Dice(seed * 7919 + 1);
        let mut play = rig.play(kind, &format!("random-{seed}"));
        play.create("maker", json!({"spec": dice.spec()})).await;
        for _ in 0..20 {
            let manager = dice.one_of(&["a", "b", "c"]);
            let spec = dice.spec();
            match dice.below(6) {
                0 => play.update(manager, |object| object["spec"] = spec).await,
                1 => play.merge(manager, json!({"spec": spec})).await,
                2 => play.apply(manager, json!({"spec": spec})).await,
                _ => play.force(manager, json!({"spec": spec})).await,
            };
        }
    }
}
