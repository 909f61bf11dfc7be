//! Drafts of contracts: what is noticed in payloads, and that each of them holds the draft.

use handclasp_core::contract::{Checker, Contract, Draft, ReadBackLevel, infer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn draft(payloads: &[Value]) -> Value {
    infer(payloads.iter().cloned()).schema
}

fn checker(draft: &Draft) -> Checker {
    let contract = Contract {
        id: "draft@0.1.0".parse().unwrap(),
        schema: draft.schema.clone(),
        read_back: ReadBackLevel::Off,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    };
    Checker::new(&contract).unwrap_or_else(|error| panic!("{error}: {}", draft.schema))
}

#[test]
fn fields_have_types_and_those_seen_in_all_are_required() {
    let payloads = [
        json!({ "order": "A-1", "amount": 10, "note": null, "paid": true }),
        json!({ "order": "B-2", "amount": 1.5, "note": "late" }),
        json!({ "order": "C-3", "amount": 7, "lines": [{ "sku": "x" }, { "sku": "y", "count": 2 }] }),
    ];
    let expected = json!({
        "type": "object",
        "properties": {
            "amount": { "type": "number" },
            "lines": {
                "type": "array",
                "items": { "type": "object", "properties": { "count": { "type": "integer" }, "sku": { "type": "string" } }, "required": ["sku"] }
            },
            "note": { "type": ["string", "null"] },
            "order": { "type": "string" },
            "paid": { "type": "boolean" }
        },
        "required": ["amount", "order"]
    });
    assert_eq!(draft(&payloads), expected);
}

#[test]
fn a_few_strings_that_come_again_and_again_are_a_list_of_choices() {
    let of = |values: &[(&str, usize)]| -> Vec<Value> { values.iter().flat_map(|(value, seen)| vec![json!(value); *seen]).collect() };
    assert_eq!(draft(&of(&[("low", 3), ("high", 4)])), json!({ "type": "string", "enum": ["high", "low"] }));
    assert_eq!(draft(&of(&[("low", 30), ("high", 2)])), json!({ "type": "string" }), "a rare one says that there are more");
    assert_eq!(draft(&of(&[("EUR", 50)])), json!({ "type": "string" }), "one alone is no choice");
    let words = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|word| (word, 9));
    assert_eq!(draft(&of(&words)), json!({ "type": "string" }), "nine are too many");
    let mut nullable = of(&[("low", 3), ("high", 3)]);
    nullable.push(Value::Null);
    assert_eq!(draft(&nullable), json!({ "type": ["string", "null"], "enum": ["high", "low", null] }));
    nullable.push(json!(1));
    assert_eq!(draft(&nullable), json!({ "type": ["string", "integer", "null"] }), "a number may come with any value");
}

#[test]
fn a_format_is_told_when_every_string_has_it() {
    for (format, values) in [
        ("date", ["2024-02-29", "1999-12-31"]),
        ("date-time", ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00+02:00"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"]),
        ("email", ["a@example.com", "b.c@example.org"]),
        ("uri", ["https://example.com/a?b=c", "urn:isbn:0451450523"]),
    ] {
        let values = values.map(|value| json!(value));
        assert_eq!(draft(&values), json!({ "type": "string", "format": format }));
        assert_eq!(draft(&[&values[..], &[json!("other")]].concat()), json!({ "type": "string" }), "{format}");
    }
    assert_eq!(draft(&[json!("note:later")]), json!({ "type": "string" }), "a word with a colon is no address");
}

#[test]
fn keys_that_are_data_make_a_map() {
    let ids = json!({ "1001": { "count": 1 }, "1002": { "count": 2, "late": true } });
    let values =
        json!({ "type": "object", "properties": { "count": { "type": "integer" }, "late": { "type": "boolean" } }, "required": ["count"] });
    assert_eq!(draft(&[ids]), json!({ "type": "object", "additionalProperties": values }));
    let many: serde_json::Map<String, Value> = (0..65).map(|number| (format!("city {number}"), json!(number))).collect();
    assert_eq!(draft(&[json!(many)]), json!({ "type": "object", "additionalProperties": { "type": "integer" } }));
    let loose: Vec<Value> = (0..9).map(|number| json!({ format!("city {number}"): number })).collect();
    assert_eq!(draft(&loose), json!({ "type": "object", "additionalProperties": { "type": "integer" } }));
    assert_eq!(
        draft(&loose[..2]),
        json!({ "type": "object", "properties": { "city 0": { "type": "integer" }, "city 1": { "type": "integer" } } })
    );
}

#[test]
fn whatever_is_observed_the_draft_stays_small_and_still_fits() {
    // Each payload has other names, everywhere.
    let wide = |seed: u32| {
        let level = |below: &Value| -> Value { (0..40).map(|name| (format!("{seed}-{name}"), below.clone())).collect() };
        level(&level(&json!([{ "x".repeat(300): seed }])))
    };
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([{ "in": deep }]);
    }
    let payloads: Vec<Value> = (0..20).map(wide).chain([deep]).collect();
    let draft = infer(payloads.iter().cloned());
    let size = draft.schema.to_string().len();
    assert!(size < 1 << 20, "{size} bytes");
    let checker = checker(&draft);
    assert!(payloads.iter().all(|payload| checker.check(payload).is_empty()));
}

#[test]
fn nothing_observed_says_nothing() {
    assert_eq!(infer(std::iter::empty()), Draft { payloads: 0, schema: json!({}) });
    assert_eq!(draft(&[json!([])]), json!({ "type": "array" }));
    assert_eq!(draft(&[json!({})]), json!({ "type": "object" }));
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-c]{0,2}",
        ".{0,12}",
        prop::sample::select(vec!["2024-01-01", "2024-01-01T00:00:00Z", "a@b.example", "https://a.example", "", "12"])
            .prop_map(str::to_owned),
    ];
    let key = prop_oneof![4 => "[a-d]", 1 => "[a-z]{2}", 1 => "[0-9]{1,3}", 1 => ".{0,4}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        (0..3).prop_map(|number| json!(f64::from(number))),
        text.prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 60, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..12).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #[test]
    fn every_observed_payload_holds_the_draft(payloads in prop::collection::vec(any_json(), 0..12)) {
        let draft = infer(payloads.iter().cloned());
        let checker = checker(&draft);
        for payload in &payloads {
            prop_assert_eq!(checker.check(payload), [], "{}", draft.schema);
        }
        prop_assert_eq!(draft.payloads, payloads.len() as u64);
        prop_assert_eq!(infer(payloads.into_iter().rev()), draft, "the order does not matter");
    }
}
