//! Another implementation of the language and its libraries, `kube-cel`, judges the values of many expressions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::LazyLock;

use cel_language::{Budget, Environment, Evaluator, Functions, Program, library, shown};
use kube_cel::KubeCelExt as _;
use kube_cel::cel::{self, Context};
use proptest::prelude::*;

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(&library::ALL));
static JUDGE: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

fn ours(source: &str) -> String {
    let environment =
        Environment { globals: Vec::new(), functions: &FUNCTIONS, messages: Vec::new() };
    let program = Program::compile(source, &environment).unwrap();
    let budget = Budget::new(1_000_000, 10_000_000);
    let value = Evaluator::new(Vec::new(), &budget).run(&program);
    value.map_or_else(|fault| panic!("{source}: {fault}"), |value| shown(&value))
}

fn judged(source: &str) -> String {
    let program = cel::Program::compile(source).unwrap();
    match program.execute(&JUDGE.new_inner_scope()).unwrap() {
        cel::Value::Bool(flag) => flag.to_string(),
        cel::Value::Int(number) => number.to_string(),
        cel::Value::String(text) => text.to_string(),
        other => panic!("{source}: {other:?}"),
    }
}

fn check(source: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours(source), judged(source), "{}", source);
    Ok(())
}

const QUANTITY: &str = "-?[0-9]{1,5}(\\.[0-9]{1,3})?(m|k|M|G|Ki|Mi|Gi|e[0-6])?";
const VERSION: &str =
    "(0|[1-9][0-9]?)\\.(0|[1-9])\\.(0|[1-9])(-(a|b|rc\\.[1-9]|[1-9][0-9]?)(\\.(x|[1-9]))?)?";
const ADDRESS: &str =
    "(10\\.[0-9]\\.[0-3]\\.[1-9]|fd00:[0-9a-f]{1,4}::[1-9a-f]{1,4}|127\\.0\\.0\\.1|::1)";
const TEXT: &str = "[abä ,]{0,8}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn quantities_compare_alike(one in QUANTITY, other in QUANTITY) {
        check(&format!("quantity('{one}').compareTo(quantity('{other}'))"))?;
        check(&format!("quantity('{one}').isLessThan(quantity('{other}'))"))?;
        check(&format!("sign(quantity('{one}'))"))?;
    }

    #[test]
    fn sums_compare_alike(one in QUANTITY, other in QUANTITY, third in QUANTITY) {
        check(&format!(
            "quantity('{one}').add(quantity('{other}')).compareTo(quantity('{third}').sub(quantity('{one}')))"
        ))?;
    }

    #[test]
    fn versions_compare_alike(one in VERSION, other in VERSION) {
        check(&format!("semver('{one}').compareTo(semver('{other}'))"))?;
        check(&format!("semver('{one}').major() * 100 + semver('{one}').patch()"))?;
    }

    #[test]
    fn addresses_are_read_alike(address in ADDRESS, other in ADDRESS, length in 0_u8..=32) {
        check(&format!("string(ip('{address}'))"))?;
        check(&format!("ip('{address}').isGlobalUnicast()"))?;
        check(&format!("ip('{address}') == ip('{other}')"))?;
        check(&format!("cidr('{address}/{length}').containsIP('{other}')"))?;
        check(&format!("string(cidr('{address}/{length}').masked())"))?;
    }

    #[test]
    fn texts_are_cut_alike(text in TEXT, part in "[abä,]{1,2}", at in 0_usize..8) {
        check(&format!("'{text}'.indexOf('{part}')"))?;
        check(&format!("'{text}'.lastIndexOf('{part}')"))?;
        check(&format!("'{text}'.split('{part}').join('|')"))?;
        check(&format!("'{text}'.split('{part}', 2).join('|')"))?;
        check(&format!("'{text}'.replace('{part}', '-', {at})"))?;
        check(&format!("'{text}'.trim().upperAscii()"))?;
        let at = at.min(text.chars().count());
        check(&format!("'{text}'.substring({at})"))?;
        check(&format!("'{text}'.charAt({at})"))?;
        check(&format!("'{text}'.substring(0, {at})"))?;
        check(&format!("strings.quote('{text}')"))?;
    }

    #[test]
    fn names_in_urls_are_read_alike(
        host in "[a-z]{1,5}(\\.[a-z]{1,3})?",
        port in 1000_u16..9000,
        path in "(/[a-z]{1,4}){1,2}",
        value in "[a-z0-9]{0,5}",
    ) {
        let url = format!("url('https://{host}:{port}{path}?k={value}&k=2')");
        check(&format!("{url}.getScheme()"))?;
        check(&format!("{url}.getHost()"))?;
        check(&format!("{url}.getHostname()"))?;
        check(&format!("{url}.getPort()"))?;
        check(&format!("{url}.getEscapedPath()"))?;
        check(&format!("{url}.getQuery()['k'].join(',')"))?;
    }

    #[test]
    fn lists_are_looked_through_alike(numbers in prop::collection::vec(-3_i64..4, 1..6)) {
        for call in ["min()", "max()", "sum()", "indexOf(1)", "lastIndexOf(1)", "distinct().size()", "isSorted()"] {
            check(&format!("{numbers:?}.{call}"))?;
        }
        check(&format!("{numbers:?}.sort().map(n, string(n)).join(',')"))?;
    }
}
