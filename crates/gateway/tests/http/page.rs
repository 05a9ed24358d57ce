use crate::harness::Harness;

#[tokio::test]
async fn the_pages_bring_all_they_need() {
    let gateway = Harness::start().await;
    for (path, media) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/api/docs", "text/html; charset=utf-8"),
        ("/docs.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = gateway.get("", path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, media), "{path}");
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(text.len() > 300, "{path}");
        // Nothing from elsewhere, nothing inline: the policy would refuse it.
        for foreign in
            ["http://", "https://", "<style", "style=\"", "onclick=\"", "onload=\"", "eval("]
        {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
        assert!(!text.contains("<script>"), "{path} has an inline script");
    }
}
