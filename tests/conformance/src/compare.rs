//! Where two transcripts of a case differ.

use serde_json::Value;

use super::case::Difference;
use super::transcript::Transcript;

/// One place where two servers answered differently.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contrast {
    /// The step, counted from 1.
    pub step: usize,
    /// What was asked.
    pub asked: String,
    /// The place in the answer, a JSON pointer.
    pub place: String,
    /// What the judge answers there.
    pub judge: Option<Value>,
    /// What the other answers there.
    pub other: Option<Value>,
}

/// Each place of each step that differs.
pub(crate) fn contrasts(judge: &Transcript, other: &Transcript) -> Vec<Contrast> {
    let mut found = Vec::new();
    for number in 0..judge.steps.len().max(other.steps.len()) {
        let (left, right) = (judge.steps.get(number), other.steps.get(number));
        let asked = left.or(right).map(|step| step.asked.clone()).unwrap_or_default();
        let mut places = Vec::new();
        differing(
            String::new(),
            left.map(|step| &step.came),
            right.map(|step| &step.came),
            &mut places,
        );
        found.extend(places.into_iter().map(|(place, judge, other)| Contrast {
            step: number + 1,
            asked: asked.clone(),
            place,
            judge: judge.cloned(),
            other: other.cloned(),
        }));
    }
    found
}

type Place<'a> = (String, Option<&'a Value>, Option<&'a Value>);

fn differing<'a>(
    place: String,
    left: Option<&'a Value>,
    right: Option<&'a Value>,
    found: &mut Vec<Place<'a>>,
) {
    match (left, right) {
        (Some(Value::Object(lefts)), Some(Value::Object(rights))) => {
            let new = rights.keys().filter(|key| !lefts.contains_key(*key));
            for key in lefts.keys().chain(new) {
                let inner = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                differing(inner, lefts.get(key), rights.get(key), found);
            }
        }
        (Some(Value::Array(lefts)), Some(Value::Array(rights))) => {
            for index in 0..lefts.len().max(rights.len()) {
                differing(format!("{place}/{index}"), lefts.get(index), rights.get(index), found);
            }
        }
        _ if left != right => found.push((place, left, right)),
        _ => {}
    }
}

/// What is left of `contrasts` after a declared difference: undeclared ones, and a line for each
/// declaration that no contrast has.
pub(crate) fn undeclared(
    contrasts: &[Contrast],
    declared: Option<&Difference>,
) -> (Vec<Contrast>, Vec<String>) {
    let declared = declared.map_or(&[][..], |difference| difference.answers);
    let covers = |contrast: &Contrast, (step, place, answer): &(usize, &str, &str)| {
        contrast.step == *step && contrast.place == *place && same(contrast.other.as_ref(), answer)
    };
    let rest =
        contrasts.iter().filter(|contrast| !declared.iter().any(|entry| covers(contrast, entry)));
    let stale =
        declared.iter().filter(|entry| !contrasts.iter().any(|contrast| covers(contrast, entry)));
    let line = |(step, place, answer): &(usize, &str, &str)| {
        format!("step {step}: {place}: declared to be {answer:?} and different, which it is not")
    };
    (rest.cloned().collect(), stale.map(line).collect())
}

fn same(value: Option<&Value>, declared: &str) -> bool {
    match value {
        None => declared.is_empty(),
        Some(value) => {
            serde_json::from_str::<Value>(declared).is_ok_and(|declared| declared == *value)
        }
    }
}

impl std::fmt::Display for Contrast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text =
            |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        writeln!(f, "step {}: {}", self.step, self.asked)?;
        writeln!(
            f,
            "  at {}",
            if self.place.is_empty() { "the whole answer" } else { &self.place }
        )?;
        writeln!(f, "    - {}", text(&self.judge))?;
        write!(f, "    + {}", text(&self.other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transcript::Step;

    fn transcript(came: Value) -> Transcript {
        Transcript { steps: vec![Step { asked: "GET /".to_owned(), came }] }
    }

    #[test]
    fn a_difference_names_its_place() {
        let judge = transcript(json!({ "body": { "a": [1, 2], "b/c": 1 } }));
        let other = transcript(json!({ "body": { "a": [1, 3], "b/c": 2, "d": 1 } }));
        let places: Vec<_> =
            contrasts(&judge, &other).into_iter().map(|contrast| contrast.place).collect();
        assert_eq!(places, ["/body/a/1", "/body/b~1c", "/body/d"]);
    }

    #[test]
    fn a_missing_step_is_a_difference() {
        let judge = transcript(json!({ "status": 200 }));
        assert_eq!(contrasts(&judge, &Transcript::default()).len(), 1);
    }

    #[test]
    fn a_declared_difference_must_be_there_and_be_that_one() {
        let found = contrasts(&transcript(json!({ "a": 1 })), &transcript(json!({ "a": 2 })));
        let meant = Difference { why: "", answers: &[(1, "/a", "2")] };
        assert_eq!(undeclared(&found, Some(&meant)), (vec![], vec![]));
        let other = Difference { why: "", answers: &[(1, "/a", "3")] };
        let (rest, stale) = undeclared(&found, Some(&other));
        assert_eq!((rest.len(), stale.len()), (1, 1));
    }
}
