//! Looks at HTML pages without a browser.

/// The names of a page's tags in order.
///
/// # Errors
/// Says what is wrong where the page has no doctype, a tag is not closed, closes nothing, or has an
/// odd number of quotes.
pub fn check_tags(html: &str) -> Result<Vec<String>, String> {
    let body = html.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    let (mut open, mut seen) = (Vec::<String>::new(), Vec::new());
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').ok_or("a tag without end")?;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        if !tag.matches('"').count().is_multiple_of(2) {
            return Err(format!("quotes in <{tag}>"));
        }
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        seen.push(name.clone());
        if !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(seen) } else { Err(format!("left open: {open:?}")) }
}

#[cfg(test)]
mod tests {
    use super::check_tags;

    #[test]
    fn tags_are_counted_and_faults_found() {
        let page = |body: &str| check_tags(&format!("<!DOCTYPE html><html>{body}</html>"));
        assert_eq!(page("<p>a<br/></p>"), Ok(vec!["html".into(), "p".into(), "br".into()]));
        for fault in ["<p>", "</p>", "<p class=\"a>b</p>", "<p><b></p></b>", "<"] {
            assert!(page(fault).is_err(), "{fault}");
        }
        assert!(check_tags("<html></html>").is_err());
    }
}
