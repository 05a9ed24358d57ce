#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn layout(header: &str, mapping: &ColumnMapping) -> Result<Layout, DatasetError> {
    let kind = |name: &str| if name.contains("#t") { Kind::Time } else { Kind::Text };
    let columns: Vec<_> =
        header.split(',').map(|name| (name.replace("#t", ""), kind(name))).collect();
    resolve("x.csv", &columns, mapping)
}

fn names(header: &str) -> (usize, Option<usize>, Vec<String>) {
    let layout = layout(header, &ColumnMapping::default()).unwrap();
    let fields = layout.fields.into_iter().map(|field| field.name).collect();
    (layout.datetime, layout.instrument, fields)
}

#[test]
fn known_layouts_are_recognised() {
    let cases = [
        (
            "Date,Open,High,Low,Close,Adj Close,Volume,Name",
            0,
            Some(7),
            "open high low close adj_close volume",
        ),
        (
            ",datetime,open,high,low,close,volume,hold,symbol",
            1,
            Some(8),
            "open high low close volume open_interest",
        ),
        (
            ",tic,date,high,low,open,close,adjcp,zopen",
            2,
            Some(1),
            "high low open close adj_close zopen",
        ),
        (
            "instrument,datetime,$open,$high,$low,$close,$volume,$factor",
            1,
            Some(0),
            "open high low close volume factor",
        ),
        ("__index_level_0__#t,open,high,low,close", 0, None, "open high low close"),
        ("#t,open,high,low,close", 0, None, "open high low close"),
        ("symbol,name,date,open,high,low,close", 2, Some(0), "name open high low close"),
    ];
    for (header, datetime, instrument, fields) in cases {
        let fields = fields.split(' ').map(str::to_owned).collect();
        assert_eq!(names(header), (datetime, instrument, fields), "{header}");
    }
}

#[test]
fn a_mapping_names_what_is_not_recognised() {
    let mapping: ColumnMapping =
        serde_json::from_str(r#"{"close": "Schluss", "datetime": "Tag", "note": "x"}"#).unwrap();
    mapping.check().unwrap();
    let layout_found = layout("Tag,Open,High,Low,Schluss,x", &mapping).unwrap();
    assert_eq!(layout_found.datetime, 0);
    assert!(layout_found.fields.iter().any(|field| field.name == "note" && field.known));
    let missing = layout("Tag,Open,High,Low,Close", &mapping).unwrap_err().to_string();
    assert!(missing.contains("Schluss (mapped to close)"), "{missing}");
    for bad in [r#"{"Close": "x"}"#, r#"{"a b": "x"}"#, r#"{"a": "x", "b": "x"}"#] {
        let mapping: ColumnMapping = serde_json::from_str(bad).unwrap();
        assert_eq!(mapping.check().unwrap_err().code(), "bad_mapping", "{bad}");
    }
}

#[test]
fn what_is_missing_or_doubled_is_named() {
    let refused = |header: &str| layout(header, &ColumnMapping::default()).unwrap_err();
    let missing = refused("Date,Open,High,Low,Volume");
    assert_eq!(missing.code(), "missing_column");
    assert_eq!(
        missing.to_string(),
        "x.csv: column close is missing; found: Date, Open, High, Low, Volume"
    );
    assert_eq!(refused("Date,Open,High,Low,Close,close").code(), "ambiguous_column");
    assert_eq!(refused("Date,Open,High,Low,Close,foo,Foo").code(), "ambiguous_column");
    assert!(refused("Open,High,Low,Close").to_string().contains("column datetime is missing"));
}
