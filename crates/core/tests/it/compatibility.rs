//! Which change of a contract breaks whom, and which version may be published after which.
//!
//! The first table is the meaning; the property behind it holds the answer against payloads: whatever
//! one schema takes and the other does not has to be told.

use handclasp_core::contract::{Breaks, Change, Contract, ReadBackLevel, check_succession, diff, is_compatible};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fields(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn closed(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Compares two schemas with lines like `/amount senders: is new and required`.
#[track_caller]
fn check(old: &Value, new: &Value, expected: &[&str]) {
    let changes = diff(old, new);
    let told: Vec<String> = changes.iter().map(|change| format!("{} {}: {}", change.pointer, change.breaks, change.what)).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}\nexpected {expected:#?}");
    for line in expected {
        let (place, text) = line.split_once(": ").expect("a place and a text");
        assert!(told.iter().any(|told| told.starts_with(&format!("{place}: ")) && told.contains(text)), "no `{line}` in {told:#?}");
    }
    assert_eq!(is_compatible(&changes), changes.iter().all(|change| change.breaks == Breaks::Nobody));
}

/// What breaks whom when it comes; going back, it breaks the others.
#[track_caller]
fn narrows(old: &Value, new: &Value) {
    let only = |changes: &[Change], breaks| !changes.is_empty() && changes.iter().all(|change| change.breaks == breaks);
    assert!(only(&diff(old, new), Breaks::Senders), "{old} → {new}: {:#?}", diff(old, new));
    assert!(only(&diff(new, old), Breaks::Receivers), "{new} → {old}: {:#?}", diff(new, old));
}

#[test]
fn a_new_optional_field_breaks_nobody_even_where_others_were_refused() {
    let old = json!({ "a": { "type": "string" } });
    let new = json!({ "a": { "type": "string" }, "b": { "type": "string" } });
    check(&fields(&old, &[]), &fields(&new, &[]), &["/b nobody: the field is new and optional"]);
    check(&closed(&old), &closed(&new), &["/b nobody: the field is new and optional"]);
    check(&closed(&old), &fields(&old, &[]), &["/* nobody: not named are allowed now"]);
    check(&fields(&old, &[]), &closed(&old), &["/* senders: not named are refused now"]);
}

#[test]
fn required_fields_are_promises_to_receivers_and_demands_on_senders() {
    let both = json!({ "a": { "type": "string" }, "b": { "type": "string" } });
    let one = json!({ "a": { "type": "string" } });
    check(&fields(&both, &["a"]), &fields(&both, &["a", "b"]), &["/b senders: was optional, and is required now"]);
    check(&fields(&both, &["a", "b"]), &fields(&both, &["a"]), &["/b receivers: was required, and is optional now"]);
    check(&fields(&one, &["a"]), &fields(&both, &["a", "b"]), &["/b senders: is new and required"]);
    check(&fields(&both, &["b"]), &fields(&one, &[]), &["/b receivers: was required, and is gone"]);
    check(&fields(&both, &[]), &fields(&one, &[]), &["/b receivers: is gone"]);
    check(&closed(&both), &closed(&one), &["/b senders: is gone, and refused"]);
    let required = json!({ "type": "object", "properties": both, "required": ["b"], "additionalProperties": false });
    check(&required, &closed(&one), &["/b senders and receivers: is gone, and refused"]);
}

#[test]
fn types_values_and_bounds_narrow_for_senders_and_widen_for_receivers() {
    narrows(&json!({ "type": "number" }), &json!({ "type": "integer" }));
    narrows(&json!({ "type": ["string", "null"] }), &json!({ "type": "string" }));
    narrows(&json!({ "enum": ["a", "b"] }), &json!({ "enum": ["a"] }));
    narrows(&json!({ "enum": ["a", "b"] }), &json!({ "const": "a" }));
    narrows(&json!({ "type": "string", "maxLength": 3 }), &json!({ "enum": ["a", "b"] }));
    narrows(&json!({ "type": "string" }), &json!({ "type": "string", "minLength": 1 }));
    narrows(&json!({ "type": "integer", "maximum": 10 }), &json!({ "type": "integer", "exclusiveMaximum": 10 }));
    narrows(&json!({ "type": "string" }), &json!({ "type": "string", "pattern": "^a" }));
    narrows(&json!({ "type": "string" }), &json!({ "type": "string", "format": "email" }));
    narrows(&json!({ "multipleOf": 5 }), &json!({ "multipleOf": 10 }));
    narrows(&json!({ "type": "array" }), &json!({ "type": "array", "uniqueItems": true }));
    narrows(&json!({ "type": "array", "items": { "type": "number" } }), &json!({ "type": "array", "items": { "type": "integer" } }));
    narrows(&json!({}), &json!({ "not": { "type": "null" } }));
    narrows(&json!(true), &json!(false));
    check(
        &json!({ "type": "string" }),
        &json!({ "type": "integer" }),
        &[" senders and receivers: the type was string, and is integer now"],
    );
    check(
        &json!({ "enum": ["a", "b"] }),
        &json!({ "enum": ["b", "c"] }),
        &[" senders: no longer allowed: \"a\"", " receivers: newly allowed: \"c\""],
    );
    // A value outside the old bounds is new to receivers, however the rest is written.
    check(
        &json!({ "type": "string", "maxLength": 2 }),
        &json!({ "enum": ["a", "long"] }),
        &[" senders: only listed values", " receivers: `maxLength` 2 is gone"],
    );
}

#[test]
fn what_means_the_same_is_no_change() {
    let same = [
        (json!({ "type": "integer", "exclusiveMinimum": 0 }), json!({ "type": "integer", "minimum": 1 })),
        (json!({ "type": ["string", "null"] }), json!({ "anyOf": [{ "type": "null" }, { "type": "string" }] })),
        (json!({ "type": "boolean" }), json!({ "enum": [false, true] })),
        (json!({ "enum": [1, 2] }), json!({ "enum": [2.0, 1.0], "type": "integer" })),
        (json!({ "const": "a" }), json!({ "enum": ["a"], "type": "string", "maxLength": 9 })),
        (json!({ "type": "string", "minLength": 0 }), json!({ "type": "string" })),
        (json!({ "allOf": [{ "type": "string" }, { "minLength": 2 }] }), json!({ "type": "string", "minLength": 2 })),
        (json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }), json!({ "type": "string" })),
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "object" }] }),
            json!({ "anyOf": [{ "type": "object", "title": "An object" }, { "type": "string", "default": "" }] }),
        ),
        (json!({ "title": "A", "x-owner": "a" }), json!({ "description": "B", "examples": [1] })),
    ];
    for (one, other) in same {
        check(&one, &other, &[]);
        check(&other, &one, &[]);
    }
}

#[test]
fn changes_are_found_inside_of_lists_maps_and_references() {
    let order = |line: &Value| {
        json!({
            "type": "object",
            "properties": { "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } }, "by/name": { "additionalProperties": { "$ref": "#/$defs/line" } } },
            "$defs": { "line": line }
        })
    };
    let old = order(&fields(&json!({ "count": { "type": "integer" } }), &["count"]));
    let new = order(&fields(&json!({ "count": { "type": "integer", "minimum": 1 } }), &["count"]));
    check(&old, &new, &["/lines/*/count senders: `minimum` is 1 now", "/by~1name/*/count senders: `minimum` is 1 now"]);
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let named = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "additionalProperties": { "type": "string" } });
    check(&map, &named, &["/a senders and receivers: the type was string, and is integer now"]);
    let tuple = |first: &str, rest: Value| json!({ "type": "array", "prefixItems": [{ "type": first }], "items": rest });
    check(&tuple("string", json!(true)), &tuple("null", json!(true)), &["/0 senders and receivers: type"]);
    check(&tuple("string", json!(true)), &tuple("string", json!(false)), &["/* senders: nothing is allowed here any more"]);
    let formed = |least: u32| json!({ "patternProperties": { "^x-": { "type": "string", "minLength": least } } });
    check(&formed(1), &formed(2), &["/* senders: `minLength` was 1, and is 2 now"]);
}

#[test]
fn alternatives_are_told_apart_by_type_and_by_tag() {
    let refund = |amount: &Value| fields(&json!({ "kind": { "const": "refund" }, "amount": amount }), &["kind"]);
    let credit = fields(&json!({ "kind": { "const": "credit" } }), &["kind"]);
    let note = fields(&json!({ "kind": { "const": "note" } }), &["kind"]);
    let one_of = |branches: &[&Value]| json!({ "oneOf": branches });
    let old = one_of(&[&refund(&json!({ "type": "number" })), &credit]);
    check(&old, &one_of(&[&credit, &refund(&json!({ "type": "integer" }))]), &["/amount senders: the type was number, and is integer now"]);
    check(&old, &one_of(&[&refund(&json!({ "type": "number" }))]), &[" senders: with `kind` \"credit\" is gone"]);
    check(&old, &one_of(&[&refund(&json!({ "type": "number" })), &credit, &note]), &[" receivers: with `kind` \"note\" is new"]);
    check(&json!({ "type": "string" }), &json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), &[" receivers: null is new"]);
    // Overlapping branches of `oneOf` exclude each other: a new one may forbid what was valid.
    let overlapping = json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] });
    assert!(diff(&json!({ "oneOf": [{ "type": "integer" }] }), &overlapping).iter().any(|change| change.breaks.senders()));
}

#[test]
fn what_cannot_be_judged_breaks_both_and_says_so() {
    let unjudged = [
        (json!({ "type": "string", "pattern": "^a" }), json!({ "type": "string", "pattern": "^b" })),
        (json!({ "type": "string", "format": "email" }), json!({ "type": "string", "format": "uri" })),
        (json!({ "not": { "type": "null" } }), json!({ "not": { "const": 1 } })),
        (json!({ "unit": "EUR" }), json!({ "unit": "USD" })),
        (json!({ "unit": "EUR" }), json!({})),
        (json!({ "if": { "const": 1 }, "then": false }), json!({ "if": { "const": 1 }, "then": true })),
        (
            json!({ "$ref": "#a", "$defs": { "a": { "$anchor": "a" } } }),
            json!({ "$ref": "#a", "$defs": { "a": { "$anchor": "a", "type": "null" } } }),
        ),
    ];
    for (old, new) in unjudged {
        let changes = diff(&old, &new);
        assert!(matches!(changes.as_slice(), [one] if one.breaks == Breaks::Both && one.what.contains("cannot be judged")), "{changes:#?}");
    }
}

#[test]
fn recursive_schemas_end_and_explosive_ones_are_given_up() {
    let tree = |leaf: &str| {
        let node = json!({ "type": "object", "properties": { "leaf": { "type": leaf }, "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } } });
        node
    };
    check(&tree("number"), &tree("integer"), &["/leaf senders: the type was number, and is integer now"]);
    let knot = |last: &str| json!({ "$ref": "#/$defs/a", "$defs": { "a": { "allOf": [{ "$ref": "#/$defs/b" }] }, "b": { "$ref": "#/$defs/a", "type": last } } });
    check(&knot("string"), &knot("null"), &[" senders and receivers: the type was string, and is null now"]);
    let doubling = |leaf: &str| {
        let mut definitions = serde_json::Map::new();
        for level in 0..24 {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            definitions.insert(format!("d{level}"), json!({ "properties": { "a": next, "b": next } }));
        }
        definitions.insert("d24".to_owned(), json!({ "type": leaf }));
        json!({ "$ref": "#/$defs/d0", "$defs": definitions })
    };
    let changes = diff(&doubling("string"), &doubling("null"));
    assert!(!is_compatible(&changes) && changes.len() <= 200, "{}", changes.len());
    // A chain as long as a document can be, once without and once with a level of the value for each link.
    let chain = |length: usize, leaf: &str, link: fn(Value) -> Value| {
        let next = |at: usize| link(json!({ "$ref": format!("#/$defs/d{}", at + 1) }));
        let mut definitions: serde_json::Map<String, Value> = (0..length).map(|at| (format!("d{at}"), next(at))).collect();
        definitions.insert(format!("d{length}"), json!({ "type": leaf }));
        json!({ "$ref": "#/$defs/d0", "$defs": definitions })
    };
    let plain = |leaf| chain(3_000, leaf, |next| next);
    check(&plain("number"), &plain("integer"), &[" senders and receivers: cannot be judged"]);
    let nested = |leaf| chain(200, leaf, |next| json!({ "anyOf": [{ "type": "array", "items": next }, { "type": "null" }] }));
    assert!(diff(&nested("number"), &nested("integer")).iter().any(|change| change.what.contains("cannot be judged")));
    let wide = |last: u32| {
        let unions: Vec<Value> =
            (0..6).map(|_| json!({ "anyOf": (0..8).map(|value| json!({ "const": value * last })).collect::<Vec<_>>() })).collect();
        json!({ "allOf": unions })
    };
    assert!(diff(&wide(1), &wide(2))[0].what.contains("too many schemas"));
    // Every field excludes the same large definition: writing that out for each of them has an end.
    let excluding = |last: &str| {
        let large: Vec<String> = (0..1_000).map(|number| format!("value {number}{last}")).collect();
        let fields: serde_json::Map<String, Value> =
            (0..500).map(|name| (format!("f{name}"), json!({ "not": { "$ref": "#/$defs/large" } }))).collect();
        json!({ "properties": fields, "$defs": { "large": { "enum": large } } })
    };
    assert!(!is_compatible(&diff(&excluding("a"), &excluding("b"))));
}

fn contract(id: &str, schema: Value) -> Contract {
    Contract {
        id: id.parse().unwrap(),
        schema,
        read_back: ReadBackLevel::Off,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    }
}

/// Publishes each version after those before it; the last word is what came of it.
fn publish(versions: &[(&str, &str, &str)]) {
    let mut known: Vec<Contract> = Vec::new();
    for (version, kind, expected) in versions {
        let new = contract(&format!("refund@{version}"), fields(&json!({ "amount": { "type": kind } }), &["amount"]));
        let outcome = check_succession(known.iter(), &new);
        let told = outcome.as_ref().err().map_or_else(|| "ok".to_owned(), |refusal| format!("{} {refusal}", refusal.code()));
        assert!(told.contains(expected), "{version}: {told}");
        if outcome.is_ok() {
            known.push(new);
        }
    }
}

#[test]
fn a_version_is_published_once_and_goes_together_with_its_neighbours() {
    publish(&[
        ("1.0.0", "number", "ok"),
        ("1.0.0", "number", "ok"),
        ("1.0.0", "integer", "HC-043 `refund@1.0.0` is published with other content"),
        ("1.1.0", "string", "HC-044 `refund@1.1.0` is not compatible with `refund@1.0.0`: /amount: the type was number"),
        ("2.0.0", "string", "ok"),
        ("2.1.0", "string", "ok"),
        ("2.0.5", "number", "HC-044 `refund@2.0.5` is not compatible with `refund@2.0.0`"),
        ("1.9.0", "number", "ok"),
        ("0.3.0", "string", "ok"),
        ("0.3.1", "number", "HC-044"),
        ("0.4.0", "number", "ok"),
        ("0.0.1", "number", "ok"),
        ("0.0.2", "string", "ok"),
        ("1.0.0-rc.1", "null", "ok"),
    ]);
    // Nothing below it yet: the one above it is what it is held against.
    publish(&[("3.1.0", "number", "ok"), ("3.0.0", "string", "HC-044 `refund@3.0.0` is not compatible with `refund@3.1.0`")]);
}

#[test]
fn asking_for_more_than_the_shape_breaks_whoever_has_to_give_it() {
    let old = contract("refund@1.0.0", json!({}));
    let new = contract("refund@1.1.0", json!({}));
    let tightened = [
        (Contract { read_back: ReadBackLevel::Echo, ..new.clone() }, Breaks::Receivers),
        (Contract { justification_required: true, ..new.clone() }, Breaks::Senders),
        (Contract { effects_declared: true, ..new.clone() }, Breaks::Receivers),
        (Contract { confidence_min: Some(80), ..new }, Breaks::Receivers),
    ];
    for (new, breaks) in tightened {
        let refusal = check_succession([&old].into_iter(), &new).unwrap_err();
        let handclasp_core::refusal::Refusal::ContractBreaks { changes, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!(changes.iter().map(|change| change.breaks).collect::<Vec<_>>(), [breaks]);
        let loosened = Contract { id: "refund@1.2.0".parse().unwrap(), ..old.clone() };
        assert_eq!(check_succession([&new].into_iter(), &loosened), Ok(()), "asking for less is fine");
    }
}

/// Schemas in which objects name `a` and `b`, so that the rule about unknown fields seldom matters.
fn any_schema() -> impl Strategy<Value = Value> {
    let bound = |name: &'static str| (0..3_u32).prop_map(move |at| json!({ name: at }));
    let leaf = prop_oneof![
        prop_oneof![Just("string"), Just("integer"), Just("number"), Just("null"), Just("boolean"), Just("object"), Just("array")]
            .prop_map(|name| json!({ "type": name })),
        Just(json!({ "type": ["string", "null"] })),
        Just(json!(true)),
        Just(json!(false)),
        prop::sample::subsequence(vec![json!("a"), json!("ab"), json!(1), json!(null), json!(1.5), json!([])], 1..4)
            .prop_map(|values| json!({ "enum": values })),
        prop_oneof![
            bound("minimum"),
            bound("exclusiveMaximum"),
            bound("minLength"),
            bound("maxLength"),
            bound("minItems"),
            bound("maxItems")
        ],
        prop_oneof![
            Just(json!({ "pattern": "^a" })),
            Just(json!({ "pattern": "b$" })),
            Just(json!({ "multipleOf": 2 })),
            Just(json!({ "uniqueItems": true }))
        ],
        Just(json!({ "$ref": "#" })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..3);
        let names = prop::sample::subsequence(vec!["a", "b"], 0..=2);
        prop_oneof![
            (inner.clone(), inner.clone(), names)
                .prop_map(|(a, b, required)| json!({ "type": "object", "properties": { "a": a, "b": b }, "required": required })),
            (inner.clone(), inner.clone()).prop_map(|(first, rest)| json!({ "prefixItems": [first], "items": rest })),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            (several.clone(), Just("anyOf")).prop_map(|(all, keyword)| json!({ keyword: all })),
            (several.clone(), Just("oneOf")).prop_map(|(all, keyword)| json!({ keyword: all })),
            (several, Just("allOf")).prop_map(|(all, keyword)| json!({ keyword: all })),
            (inner.clone(), inner).prop_map(|(condition, then)| json!({ "if": condition, "then": then })),
        ]
    })
}

fn any_payload() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            json!("a"),
            json!("ab"),
            json!("b"),
            json!(""),
            json!(null),
            json!(true),
            json!(1.5),
            json!([]),
            json!({})
        ]),
        (-1..4).prop_map(|number| json!(number)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map(prop_oneof![Just("a".to_owned()), Just("b".to_owned())], inner, 0..3)
                .prop_map(|fields| json!(fields)),
        ]
    })
}

/// The same schema with one thing different somewhere, so that most payloads are valid under both.
fn with_replaced(schema: &Value, place: usize, by: &Value) -> Value {
    fn walk(schema: &Value, left: &mut usize, by: &Value) -> Value {
        if *left == 0 {
            *left = usize::MAX;
            return by.clone();
        }
        *left = left.saturating_sub(1);
        let Value::Object(keywords) = schema else { return schema.clone() };
        let replaced = keywords.iter().map(|(keyword, value)| {
            let value = match (keyword.as_str(), value) {
                ("properties", Value::Object(named)) => named.iter().map(|(name, schema)| (name.clone(), walk(schema, left, by))).collect(),
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                    list.iter().map(|schema| walk(schema, left, by)).collect()
                }
                ("items" | "if" | "then", schema) => walk(schema, left, by),
                _ => value.clone(),
            };
            (keyword.clone(), value)
        });
        replaced.collect()
    }
    walk(schema, &mut place.clone(), by)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_only_one_of_two_schemas_takes_is_told(
        old in any_schema(),
        other in any_schema(),
        place in 0..6_usize,
        payloads in prop::collection::vec(any_payload(), 60),
    ) {
        let new = with_replaced(&old, place, &other);
        let compile = |schema: &Value| handclasp_core::contract::Checker::new(&contract("refund@1.0.0", schema.clone()));
        // A schema that comes back to itself without looking into the value is refused when it is published.
        let (Ok(before), Ok(now)) = (compile(&old), compile(&new)) else { return Ok(()) };
        let changes = diff(&old, &new);
        prop_assert_eq!(diff(&old, &old), []);
        // What somebody sent under a name that had no meaning yet does not count.
        let is_named_first = changes.iter().any(|change| change.what.contains("is new and optional"));
        for payload in payloads {
            let (was, is) = (before.check(&payload).is_empty(), now.check(&payload).is_empty());
            if was && !is && !is_named_first {
                prop_assert!(changes.iter().any(|change| change.breaks.senders()), "{payload}: {old} → {new}: {changes:#?}");
            }
            if is && !was {
                prop_assert!(changes.iter().any(|change| change.breaks.receivers()), "{payload}: {old} → {new}: {changes:#?}");
            }
        }
    }
}
