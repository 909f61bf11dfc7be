//! Contracts: named, versioned JSON Schemas (2020-12) for what crosses from one agent to the next.
//!
//! A contract is checked by whoever holds the bytes, before the desk; the verdict comes in through
//! the [`crate::World`] and `decide` compares its digests. Remote references are never fetched and
//! patterns run on a linear-time regex engine, so a schema from outside can neither open a
//! connection nor hang a check. [`diff`] says whom a new version breaks, [`succession`] which version
//! may be published after which, and [`infer`] drafts a schema from payloads that were seen.

pub mod diff;
pub mod infer;
mod nesting;
pub mod succession;

pub use self::diff::{Breaks, Change, diff, is_compatible};
pub use self::infer::{Draft, Observed, infer};
pub use self::succession::check_succession;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::blob::Digest;
use crate::id::NotAnId;

/// More problems than this in one value help nobody; the first ones name the cause.
const VIOLATIONS_MAX: usize = 20;

/// A quoted value in an error message is cut here, so that a refusal stays readable.
const FOUND_CHARS_MAX: usize = 120;

/// `name@1.2.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractId {
    /// The name, without the version.
    pub name: String,
    /// The exact version.
    pub version: Version,
}

/// `name@^1`, `name@1.2`, `name` (any version). A bare `name@1` means `^1`, as in Cargo.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContractRange {
    /// The name, without the version.
    pub name: String,
    /// Which versions will do.
    pub range: VersionReq,
}

fn bad(found: &str, expected: &'static str) -> NotAnId {
    NotAnId { found: found.chars().take(80).collect(), expected }
}

fn is_contract_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

impl FromStr for ContractId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        const EXPECTED: &str = "a contract with its full version (`name@1.2.0`)";
        let (name, version) = text.split_once('@').ok_or_else(|| bad(text, EXPECTED))?;
        let version = Version::parse(version).map_err(|_| bad(text, EXPECTED))?;
        if !is_contract_name(name) {
            return Err(bad(text, EXPECTED));
        }
        Ok(Self { name: name.to_owned(), version })
    }
}

impl FromStr for ContractRange {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        const EXPECTED: &str = "a contract with a range of versions (`name@1`, `name@^1.2`, `name`)";
        let (name, range) = match text.split_once('@') {
            Some((name, range)) => (name, VersionReq::parse(range).map_err(|_| bad(text, EXPECTED))?),
            None => (text, VersionReq::STAR),
        };
        if !is_contract_name(name) {
            return Err(bad(text, EXPECTED));
        }
        Ok(Self { name: name.to_owned(), range })
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl fmt::Display for ContractRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.range == VersionReq::STAR { f.write_str(&self.name) } else { write!(f, "{}@{}", self.name, self.range) }
    }
}

crate::text_form!(ContractId, "^[A-Za-z0-9._-]{1,64}@[0-9]+\\.[0-9]+\\.[0-9]+.*$");
crate::text_form!(ContractRange, "^[A-Za-z0-9._-]{1,64}(@.+)?$");

impl ContractRange {
    /// Whether this very version will do.
    pub fn takes(&self, contract: &ContractId) -> bool {
        self.name == contract.name && self.range.matches(&contract.version)
    }
}

impl ContractRange {
    /// The one version that will do, if the range names exactly one.
    pub fn exact(&self) -> Option<ContractId> {
        let [semver::Comparator { op: semver::Op::Exact, major, minor: Some(minor), patch: Some(patch), pre }] =
            &self.range.comparators[..]
        else {
            return None;
        };
        let version = Version { major: *major, minor: *minor, patch: *patch, pre: pre.clone(), build: semver::BuildMetadata::EMPTY };
        Some(ContractId { name: self.name.clone(), version })
    }
}

impl From<&ContractId> for ContractRange {
    fn from(id: &ContractId) -> Self {
        let exact = semver::Comparator {
            op: semver::Op::Exact,
            major: id.version.major,
            minor: Some(id.version.minor),
            patch: Some(id.version.patch),
            pre: id.version.pre.clone(),
        };
        Self { name: id.name.clone(), range: VersionReq { comparators: vec![exact] } }
    }
}

/// How much a receiver has to say back before it may start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReadBackLevel {
    /// Nothing. For receivers that cannot speak, such as any command.
    #[default]
    Off,
    /// Contract, payload digest, all must-carry items and acceptance criteria, compared mechanically.
    Echo,
}

/// What a contract asks for, beside the shape of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Name and version.
    pub id: ContractId,
    /// JSON Schema 2020-12 of the payload.
    pub schema: Value,
    /// How much the receiver must say back.
    #[serde(default)]
    pub read_back: ReadBackLevel,
    /// Whether an offer must say why this receiver.
    #[serde(default)]
    pub justification_required: bool,
    /// Whether a result must list the side effects that it committed; an empty list will do.
    #[serde(default)]
    pub effects_declared: bool,
    /// The least confidence, in percent, with which a receiver may accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_min: Option<u8>,
}

impl Contract {
    /// Identifies the contract's whole content; a run pins it.
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }
}

/// One way in which a value breaks a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Violation {
    /// Where, as an RFC 6901 JSON pointer into the value.
    pub pointer: String,
    /// What was expected there.
    pub expected: String,
    /// What was found, shortened.
    pub found: String,
    /// How to mend it.
    pub hint: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the value" } else { &self.pointer };
        write!(f, "{place}: expected {}, found {}", self.expected, self.found)
    }
}

/// The contract's schema is not a schema that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the schema of `{contract}` is not a usable JSON Schema 2020-12: {problem} (at `{pointer}`)")]
pub struct BadSchema {
    /// Which contract.
    pub contract: ContractId,
    /// Where in the schema.
    pub pointer: String,
    /// What is wrong there.
    pub problem: String,
}

/// A contract that is ready to check values.
#[derive(Debug)]
pub struct Checker {
    digest: Digest,
    validator: jsonschema::Validator,
}

impl Checker {
    /// Compiles a contract's schema.
    pub fn new(contract: &Contract) -> Result<Self, BadSchema> {
        if !nesting::is_bounded(&contract.schema) {
            let problem = nesting::TOO_DEEP.to_owned();
            return Err(BadSchema { contract: contract.id.clone(), pointer: String::new(), problem });
        }
        let validator = validator(&contract.schema).map_err(|error| BadSchema {
            contract: contract.id.clone(),
            pointer: error.instance_path().to_string(),
            problem: error.to_string(),
        })?;
        Ok(Self { digest: contract.digest(), validator })
    }

    /// The digest of the contract it was made from.
    pub fn contract_digest(&self) -> Digest {
        self.digest
    }

    /// Every way in which `value` breaks the contract, at most twenty; none means that it holds.
    pub fn check(&self, value: &Value) -> Vec<Violation> {
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        self.validator.iter_errors(value).take(VIOLATIONS_MAX).map(|error| violation(&error)).collect()
    }
}

/// Compiles a schema the way every check of a payload does.
fn validator(schema: &Value) -> Result<jsonschema::Validator, jsonschema::ValidationError<'static>> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .should_validate_formats(true)
        .build(schema)
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    use jsonschema::error::ValidationErrorKind as Kind;
    let mut pointer = error.instance_path().to_string();
    let found = shortened(error.instance());
    let (expected, hint) = match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
            pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            return Violation {
                hint: format!("add the field `{name}`"),
                pointer,
                expected: "a value (the field is required)".to_owned(),
                found: "nothing".to_owned(),
            };
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let names = unexpected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            ("no other fields than the contract names".to_owned(), format!("remove {names}, or add it to the contract"))
        }
        Kind::Type { kind } => {
            let expected = match kind {
                jsonschema::error::TypeKind::Single(one) => one.to_string(),
                jsonschema::error::TypeKind::Multiple(many) => many.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or "),
            };
            let hint = format!("send the type {expected} here");
            (format!("type {expected}"), hint)
        }
        Kind::Enum { options } => (format!("one of {options}"), "send one of the listed values".to_owned()),
        Kind::Constant { expected_value } => (format!("exactly {expected_value}"), "send exactly this value".to_owned()),
        _ => {
            let keyword = error.schema_path().to_string();
            (error.to_string(), format!("see `{keyword}` in the contract's schema"))
        }
    };
    Violation { pointer, expected, found, hint }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= FOUND_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(FOUND_CHARS_MAX).collect();
    format!("{cut}… ({} bytes)", text.len())
}

/// A verdict that is part of the log: does a payload hold this contract?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Against which contract.
    pub contract: ContractId,
    /// What is wrong; nothing if it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.violations.is_empty() {
            return write!(f, "holds `{}`", self.contract);
        }
        write!(f, "breaks `{}`: ", self.contract)?;
        for (number, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Verdicts by the digests of contract and payload, made before the desk.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(BTreeMap<(Digest, Digest), Vec<Violation>>);

impl Verdicts {
    /// Records what a check of `payload` against `contract` found.
    pub fn insert(&mut self, contract: Digest, payload: Digest, violations: Vec<Violation>) {
        self.0.insert((contract, payload), violations);
    }

    /// The pairs of contract and payload in which nothing is wrong.
    pub fn good(&self) -> impl Iterator<Item = (Digest, Digest)> {
        self.0.iter().filter(|(_, violations)| violations.is_empty()).map(|(pair, _)| *pair)
    }

    /// What was found, if this pair was checked at all.
    pub fn get(&self, contract: Digest, payload: Digest) -> Option<&[Violation]> {
        self.0.get(&(contract, payload)).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract(schema: Value) -> Contract {
        Contract {
            id: "refund@1.2.0".parse().unwrap(),
            schema,
            read_back: ReadBackLevel::Off,
            justification_required: false,
            effects_declared: false,
            confidence_min: None,
        }
    }

    #[test]
    fn ranges_take_what_cargo_would() {
        let id: ContractId = "refund@1.2.0".parse().unwrap();
        for (range, takes) in [("refund@1", true), ("refund@^1.3", false), ("refund", true), ("other@1", false), ("refund@=1.2.0", true)] {
            assert_eq!(range.parse::<ContractRange>().unwrap().takes(&id), takes, "{range}");
        }
        assert!(ContractRange::from(&id).takes(&id));
        assert!("refund@one".parse::<ContractRange>().is_err());
    }

    #[test]
    fn a_violation_names_field_expectation_and_mend() {
        let checker = Checker::new(&contract(json!({
            "type": "object",
            "required": ["order", "amount"],
            "properties": { "order": { "type": "string" }, "amount": { "type": "integer" } },
            "additionalProperties": false
        })))
        .unwrap();
        let found = checker.check(&json!({ "amount": "ten", "note": 1 }));
        let pointers: Vec<&str> = found.iter().map(|v| v.pointer.as_str()).collect();
        assert!(pointers.contains(&"/amount") && pointers.contains(&"/order"), "{found:#?}");
        assert!(found.iter().any(|v| v.hint == "add the field `order`"));
        assert!(found.iter().any(|v| v.hint.contains("`note`")));
        assert_eq!(checker.check(&json!({ "order": "A1", "amount": 10 })), []);
    }

    #[test]
    fn a_schema_cannot_reach_out_or_hang() {
        let remote = contract(json!({ "$ref": "https://example.com/schema.json" }));
        assert!(Checker::new(&remote).is_err());
        let backtracking = Checker::new(&contract(json!({ "type": "string", "pattern": "^(a+)+$" }))).unwrap();
        let hostile = format!("{}!", "a".repeat(5_000));
        assert_eq!(backtracking.check(&json!(hostile)).len(), 1);
        assert!(Checker::new(&contract(json!({ "type": "string", "pattern": "(?=look)" }))).is_err());
        // The deepest payload that JSON readers take, under the longest chain at each of its levels.
        let link = |at: usize| json!({ "$ref": format!("#/$defs/d{}", at + 1) });
        let mut definitions: serde_json::Map<String, Value> = (0..30).map(|at| (format!("d{at}"), link(at))).collect();
        definitions.insert("d30".to_owned(), json!({ "items": { "$ref": "#" } }));
        let deepest: Value = serde_json::from_str(&format!("{}{}", "[".repeat(127), "]".repeat(127))).unwrap();
        let checker = Checker::new(&contract(json!({ "$ref": "#/$defs/d0", "$defs": definitions }))).unwrap();
        assert_eq!(checker.check(&deepest), []);
        definitions.insert("d30".to_owned(), json!({ "$ref": "#/$defs/d0" }));
        assert!(Checker::new(&contract(json!({ "$ref": "#/$defs/d0", "$defs": definitions }))).is_err());
    }
}
