use std::fs;

use super::*;

/// A book with one overlay file.
fn over(text: &str) -> Result<Book, BookError> {
    Book::from_sources(&[Source { name: "site.toml", text }])
}

/// The only fault of an overlay file.
fn fault(text: &str) -> String {
    let error = over(text).expect_err("a fault");
    assert_eq!(error.0.len(), 1, "{error}");
    error.to_string()
}

fn block(id: &str, rest: &str) -> String {
    format!("[[signature]]\nid = \"{id}\"\nsource = \"test\"\nconfidence = 0.5\n{rest}\n")
}

/// What a value says, as `attribute=value` joined by spaces.
fn said(book: &Book, key: &str, value: &str) -> String {
    let Some(found) = book.matches(key, value, &[]) else { return "-".into() };
    found.set.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_built_in_signatures_are_sound() {
    if let Err(BookError(faults)) = Book::own(parse::Patterns::Tried) {
        let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n"));
    }
    let problems = check(Book::builtin(), &[]);
    let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(builtin::FILES.windows(2).all(|w| w[0].0 < w[1].0), "keep FILES sorted");
}

#[test]
fn every_signature_file_is_in_the_binary() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/signatures");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".toml")
            && name != builtin::CLASSES.0
            && !["aliases.toml", "makers.toml", "risk.toml", "support.toml"]
                .contains(&name.as_str())
        {
            assert!(builtin::FILES.iter().any(|(n, _)| *n == name), "{name} is not in FILES");
        }
    }
}

#[test]
fn equals_before_domain_before_prefix_before_pattern() {
    let text = [
        block("t.pattern", "key = \"t.k\"\npattern = \".+\"\nset = { model = \"pattern\" }"),
        block("t.short", "key = \"t.k\"\nprefix = \"a.\"\nset = { model = \"short\" }"),
        block("t.long", "key = \"t.k\"\nprefix = \"A.B.\"\nset = { model = \"long\" }"),
        block("t.domain", "key = \"t.k\"\ndomain = \"b.c\"\nset = { model = \"domain\" }"),
        block("t.deeper", "key = \"t.k\"\ndomain = \"x.b.c\"\nset = { model = \"deeper\" }"),
        block(
            "t.equals",
            "key = \"t.k\"\nequals = [\"a.b.c\", \"q\"]\nset = { model = \"equals\" }",
        ),
    ];
    let book = over(&text.concat()).unwrap();
    for (value, model) in [
        ("A.B.C", "equals"),
        ("a.x.b.c.", "deeper"),
        ("a.y.b.c", "domain"),
        ("b.c", "domain"),
        ("a.b.d", "long"),
        ("a.é", "short"),
        ("xb.c", "pattern"),
        ("é", "pattern"),
    ] {
        assert_eq!(said(&book, "t.k", value), format!("model={model}"), "{value}");
    }
    assert_eq!(said(&book, "t.other", "a.b.c"), "-");
}

#[test]
fn patterns_match_the_whole_value_and_fill_groups() {
    let text = block(
        "t.a",
        "key = [\"t.k\", \"t.l\"]\npattern = 'v(\\d)(\\d)?|w'\nset = { model = \"$0: $$$1.$2\", serial_number = \"$2\" }",
    );
    let book = over(&text).unwrap();
    assert_eq!(said(&book, "t.k", "v12"), "model=v12: $1.2 serial_number=2");
    assert_eq!(said(&book, "t.l", "v1"), "model=v1: $1.");
    assert_eq!(said(&book, "t.k", "w"), "model=w: $.");
    for value in ["xv12", "v12x", "v12\n", ""] {
        assert_eq!(said(&book, "t.k", value), "-", "{value:?}");
    }
}

#[test]
fn patterns_keep_their_order() {
    let text: String = (0..40)
        .map(|n| {
            let pattern = if n % 2 == 0 { format!("x{n}.*") } else { "x.*".into() };
            block(
                &format!("t.n{n}"),
                &format!("key = \"t.k\"\npattern = '{pattern}'\nset = {{ model = \"{n}\" }}"),
            )
        })
        .collect();
    let book = over(&text).unwrap();
    assert_eq!(said(&book, "t.k", "x0"), "model=0");
    assert_eq!(said(&book, "t.k", "x38"), "model=1");
    assert_eq!(said(&book, "t.k", "y"), "-");
}

#[test]
fn when_asks_the_other_facts_of_the_message() {
    let text = [
        block(
            "t.a",
            "key = \"t.k\"\nequals = \"x\"\nwhen = { \"t.maker\" = \"GE.*\" }\nset = { model = \"GE x\" }",
        ),
        block("t.b", "key = \"t.k\"\npattern = \".*\"\nset = { model = \"some x\" }"),
    ];
    let book = over(&text.concat()).unwrap();
    let model = |others: &[(&str, &str)]| {
        book.matches("t.k", "x", others).unwrap().get("model").map(str::to_owned).unwrap()
    };
    assert_eq!(model(&[("t.other", "GE"), ("t.maker", "GE Healthcare")]), "GE x");
    assert_eq!(model(&[("t.maker", "AGE")]), "some x");
    assert_eq!(model(&[]), "some x");
}

#[test]
fn not_ends_the_search_and_says_nothing() {
    let text = [
        block("t.a", "key = \"t.k\"\nequals = \"n/a\"\nnot = true"),
        block("t.b", "key = \"t.k\"\npattern = \".*\"\nset = { model = \"$0\" }"),
    ];
    let book = over(&text.concat()).unwrap();
    let found = book.matches("t.k", "N/A", &[]).unwrap();
    assert_eq!((found.signature.id.as_str(), found.said().count()), ("t.a", 0));
}

#[test]
fn hints_are_weaker_than_what_is_set() {
    let text = block(
        "t.a",
        "key = \"t.k\"\npattern = \"D.*\"\nset = { hostname = \"$0\" }\nhint = { os_name = \"Windows\" }",
    );
    let book = over(&text).unwrap();
    let found = book.matches("t.k", "D1", &[]).unwrap();
    let said: Vec<_> = found.said().map(|(a, text, sure)| (a, &**text, sure)).collect();
    assert_eq!(said, [("hostname", "D1", 0.5), ("os_name", "Windows", 0.3)]);
}

#[test]
fn an_overlay_replaces_by_id_and_goes_first() {
    let known = Book::builtin().iter().next().unwrap();
    let value = known.examples[0].value.clone();
    let key = known.keys[0].clone();
    let replaced = block(
        &known.id,
        &format!("key = \"{key}\"\nequals = '{value}'\nset = {{ model = \"mine\" }}"),
    );
    let book = over(&replaced).unwrap();
    assert_eq!(said(&book, &key, &value), "model=mine");
    assert_eq!(book.iter().count(), Book::builtin().iter().count());
    assert!(!book.is_overlaid(&known.id));

    let added = block(
        "site.first",
        &format!("key = \"{key}\"\nequals = '{value}'\nset = {{ model = \"new\" }}"),
    );
    let book = over(&added).unwrap();
    assert_eq!(said(&book, &key, &value), "model=new");
    assert!(book.is_overlaid("site.first"));
    assert_eq!(book.get("site.first").unwrap().line, 1);
}

#[test]
fn a_directory_of_overlays() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("20.toml", &block("t.a", "key = \"t.k\"\nequals = \"x\"\nset = { model = \"20\" }"));
    write("10.toml", &block("t.a", "key = \"t.k\"\nequals = \"x\"\nset = { model = \"10\" }"));
    write(
        "classes.toml",
        "[class.sauna]\ncategory = \"facility\"\nen = \"Sauna\"\nja = \"サウナ\"\n",
    );
    write(
        "30.toml",
        &block("t.b", "key = \"t.k\"\nequals = \"y\"\nset = { device_class = \"sauna\" }"),
    );
    write("notes.txt", "not TOML");
    let book = Book::load(Some(folder.path())).unwrap();
    assert_eq!(said(&book, "t.k", "x"), "model=20");
    assert_eq!(said(&book, "t.k", "y"), "device_class=sauna");
    assert_eq!(book.class("sauna").unwrap().category, "facility");

    write("40.toml", "[[signature]");
    let error = Book::load(Some(folder.path())).unwrap_err().to_string();
    assert!(error.starts_with("40.toml:1: "), "{error}");
    let missing = folder.path().join("missing");
    assert!(Book::load(Some(&missing)).is_err());
}

#[test]
fn faults_name_file_line_and_id() {
    let good = block("t.a", "key = \"t.k\"\nequals = \"x\"\nset = { model = \"m\" }");
    let bad = format!(
        "{good}\n{}",
        block("t.b", "key = \"t.k\"\nequals = \"x\"\nsets = { model = \"m\" }")
    );
    assert!(fault(&bad).starts_with("site.toml:15: t.b: unknown field `sets`"), "{}", fault(&bad));
    let twice = format!("{good}\n{good}");
    assert_eq!(fault(&twice), "site.toml:9: t.a: the same id stands at line 1");
    let both = over(&format!("{}{}", block("X", ""), block("t.a", ""))).unwrap_err();
    assert!(both.to_string().starts_with("site.toml:1: X: missing field `key`"), "{both}");
}

#[test]
fn whatever_is_not_understood_is_a_fault() {
    let k = "key = \"t.k\"\n";
    for (rest, word) in [
        (format!("{k}set = {{ model = \"m\" }}"), "exactly one of"),
        (format!("{k}equals = \"a\"\nprefix = \"a\"\nset = {{ model = \"m\" }}"), "exactly one of"),
        (format!("{k}equals = \"\"\nset = {{ model = \"m\" }}"), "empty or too long"),
        (format!("{k}equals = []\nset = {{ model = \"m\" }}"), "empty or too long"),
        (format!("{k}equals = \"a\"\nset = {{ colour = \"m\" }}"), "no attribute `colour`"),
        (format!("{k}equals = \"a\"\nset = {{ device_class = \"cat\" }}"), "no device_class"),
        (format!("{k}equals = \"a\"\nset = {{ device_category = \"cat\" }}"), "no device_category"),
        (format!("{k}equals = \"a\"\nset = {{ model = \"$1\" }}"), "$1 of 0 groups"),
        (format!("{k}pattern = \"(a)\"\nset = {{ model = \"$2\" }}"), "$2 of 1 groups"),
        (format!("{k}pattern = \"a\"\nset = {{ model = \"$x\" }}"), "after `$`"),
        (format!("{k}pattern = \"a)(b\"\nset = {{ model = \"m\" }}"), "pattern"),
        (
            format!("{k}pattern = \"((a{{900}}){{900}}){{900}}\"\nset = {{ model = \"m\" }}"),
            "pattern",
        ),
        (format!("{k}pattern = \"{}\"\nset = {{ model = \"m\" }}", "a".repeat(3000)), "too long"),
        (
            format!(
                "{k}pattern = \"{}a{}\"\nset = {{ model = \"m\" }}",
                "(".repeat(200),
                ")".repeat(200)
            ),
            "pattern",
        ),
        (format!("{k}equals = \"a\""), "either `not = true`"),
        (
            format!("{k}equals = \"a\"\nnot = true\nset = {{ model = \"m\" }}"),
            "either `not = true`",
        ),
        (
            format!("{k}equals = \"a\"\nset = {{ model = \"m\" }}\nhint = {{ model = \"n\" }}"),
            "in `hint`",
        ),
        (format!("{k}equals = \"a\"\nunverified = true\nset = {{ model = \"m\" }}"), "unverified"),
        (
            format!("{k}equals = \"a\"\nwhen = {{ \"x\" = \"a\" }}\nset = {{ model = \"m\" }}"),
            "when",
        ),
        ("key = \"t\"\nequals = \"a\"\nset = { model = \"m\" }".into(), "protocol.field"),
        ("key = []\nequals = \"a\"\nset = { model = \"m\" }".into(), "protocol.field"),
    ] {
        let said = fault(&block("t.a", &rest));
        assert!(said.starts_with("site.toml:1: t.a: ") && said.contains(word), "{rest}\n{said}");
    }
    let sure = "[[signature]]\nid = \"t.a\"\nsource = \"s\"\nconfidence = 1.5\nkey = \"t.k\"\nequals = \"a\"\nset = { model = \"m\" }";
    assert!(fault(sure).contains("confidence"));
    assert!(fault(&sure.replace("1.5", "nan")).contains("confidence"));
    assert!(fault(&sure.replace("1.5", "0.5").replace("\"s\"", "\" \"")).contains("source"));
    assert!(fault(&sure.replace("1.5", "0.5").replace("t.a", "T A")).contains("an id is"));
}

#[test]
fn hostile_toml_ends_in_a_fault() {
    let nested = format!("a = {}", "[".repeat(100_000));
    let tables = format!("[{}]", vec!["a"; 100_000].join("."));
    for text in [nested.as_str(), tables.as_str(), "\u{0}", "signature = 1", "[[signature]]", "[x]"]
    {
        assert!(over(text).is_err(), "{text:.40}");
    }
    let classes = Source {
        name: "classes.toml",
        text: "[class.a]\ncategory = \"x\"\nen = \"a\"\nja = \"a\"",
    };
    assert!(Book::from_sources(&[classes]).unwrap_err().to_string().contains("category"));
}

#[test]
fn check_finds_what_a_book_may_hold_but_should_not() {
    let text = [
        block("t.none", "key = \"t.k\"\nequals = \"none\"\nset = { model = \"m\" }"),
        block(
            "t.wide",
            "key = \"t.k\"\npattern = \"s.*\"\nset = { model = \"m\" }\nexamples = [{ value = \"s1\" }]\nnever = [\"s9\"]",
        ),
        block(
            "t.shadowed",
            "key = \"t.k\"\npattern = \"s2\"\nset = { model = \"m\" }\nexamples = [{ value = \"s2\" }]",
        ),
        block(
            "t.wrong",
            "key = \"t.k\"\npattern = \"w(.)\"\nset = { model = \"$1\" }\nexamples = [{ value = \"w1\", set = { model = \"2\" } }]",
        ),
        block(
            "t.silent",
            "key = \"t.k\"\npattern = \"y(.)\"\nset = { model = \"$1\" }\nexamples = [{ value = \"y1\" }]",
        ),
        block(
            "t.misses",
            "key = \"t.k\"\npattern = \"z\"\nset = { model = \"m\" }\nexamples = [{ value = \"zz\" }]",
        ),
    ];
    let book = over(&text.concat()).unwrap();
    let of = |id: &str| -> Vec<String> {
        check(&book, &[]).into_iter().filter(|f| f.id == id).map(|f| f.what).collect()
    };
    assert_eq!(of("t.none"), ["no example"]);
    assert_eq!(of("t.wide"), ["matches `s9`, which it never should"]);
    assert_eq!(of("t.shadowed"), ["example `s2` is caught by t.wide"]);
    assert_eq!(of("t.wrong"), ["example `w1`: model is `1`, not `2`"]);
    assert_eq!(of("t.silent"), ["example `y1` does not say what it gives"]);
    assert_eq!(of("t.misses"), ["example `zz` does not match"]);
    let unknown = check(&book, &["t.other"]);
    assert!(unknown.iter().any(|f| f.id == "t.none" && f.what == "no protocol says `t.k`"));
}
